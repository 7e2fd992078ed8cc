import type { Ask } from "../actors/definition.ts";
import { type TenantChanged, tenantChanged } from "../actors/subjects.ts";
import { TENANT } from "../actors/tenant-protocol.ts";
import type { Bus } from "../bus/bus.ts";
import type { TenantId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";

/** An owner that is well answers after one read of the ledger. */
const OWNER_MS = 2_000;

/**
 * Makes a change of a tenant known: its owner reads the ledger anew and tells all nodes. The change is booked already,
 * so an owner that cannot be reached takes nothing back: then the nodes are told from here, and an owner that did not
 * hear of it looks into the ledger before it denies anything.
 */
export async function tellTenantChanged(
  { ask, bus, log }: { readonly ask: Ask; readonly bus: Pick<Bus, "publish">; readonly log: Log },
  tenant: TenantId,
): Promise<void> {
  try {
    await ask(TENANT, tenant, "refresh", null, { timeoutMs: OWNER_MS });
  } catch (thrown) {
    log.warn("a tenant's owner was not told of a change; the nodes are", { tenant, cause: String(thrown) });
    const told: TenantChanged = { tenant };
    bus.publish(tenantChanged(tenant), told);
  }
}
