import { type Bus, BusError } from "../../bus/bus.ts";
import { type Clock, sleep } from "../../core/clock.ts";
import { asSluiceError } from "../../core/errors.ts";
import type { TenantId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import type { Ask } from "../definition.ts";
import { grantSize } from "../grant-size.ts";
import { affordableIn, untilAnswered } from "../ledger-call.ts";
import { RECALL_MS } from "../limits.ts";
import { type TenantRecall, tenantRecall } from "../subjects.ts";
import type { TenantLedger } from "../tenant-ledger.ts";
import { type GiveBackAsk, type GrantAsk, type GrantReply, TENANT } from "../tenant-protocol.ts";

/** Where a purse gets its points from and gives them back to. */
export interface PurseDesk {
  grant(tenant: TenantId, ask: GrantAsk): Promise<GrantReply>;
  giveBack(tenant: TenantId, ask: GiveBackAsk): Promise<unknown>;
}

/** The tenant's owner and nobody else. */
export const ownersDesk = (ask: Ask): PurseDesk => ({
  grant: (tenant, wanted) => ask(TENANT, tenant, "grant", wanted),
  giveBack: (tenant, given) => ask(TENANT, tenant, "giveBack", given),
});

export interface PurseDeskOptions {
  readonly ask: Ask;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly ledger: Pick<TenantLedger, "balances" | "grant" | "giveBack">;
  /** How many nodes share what a tenant has. */
  nodes(): number;
}

/** An owner that recalls and waits for the ledger takes less. */
const OWNER_MS = 2_000;

/**
 * The tenant's owner, and while it cannot be reached the ledger itself, which decides in any case: so a node that
 * died takes nobody's points along, and tenants of its actors are served on.
 */
export function createPurseDesk(options: PurseDeskOptions): PurseDesk {
  const { ask, clock, ledger } = options;
  return {
    async grant(tenant, wanted) {
      try {
        return await ask(TENANT, tenant, "grant", wanted, { timeoutMs: OWNER_MS });
      } catch (thrown) {
        if (!isUnreachable(thrown)) throw thrown;
        const isUnsure = thrown.kind === "timeout";
        const reply = await grantDirectly(options, tenant, wanted, isUnsure || wanted.isRetry);
        return { ...reply, isUnsure: isUnsure || reply.isUnsure === true };
      }
    },
    async giveBack(tenant, given) {
      try {
        return await ask(TENANT, tenant, "giveBack", given);
      } catch (thrown) {
        if (!isUnreachable(thrown) || given.amount <= 0n) throw thrown;
        const { id, node, epoch = null } = given;
        const amount = micropointsOf(given.amount);
        return untilAnswered(clock, () => ledger.giveBack({ id, tenant, node, epoch, amount }));
      }
    },
  };
}

/** As the owner would: what the tenant has, what other nodes give back, or how much would be affordable. */
async function grantDirectly(
  options: PurseDeskOptions,
  tenant: TenantId,
  wanted: GrantAsk,
  mayBeGranted: boolean,
): Promise<GrantReply> {
  const { ledger, clock, bus } = options;
  const sizeNow = async (): Promise<bigint> => {
    const { tenantAccount, overdraft } = await untilAnswered(clock, () => ledger.balances(tenant));
    return grantSize(tenantAccount + overdraft, options.nodes(), wanted);
  };
  let isUnsure = false;
  let size = await sizeNow();
  if (mayBeGranted) {
    const found = await move(options, tenant, wanted, size > 0n ? size : 1n);
    if (found.granted > 0n) return found;
    // What the last word leaves open is open: the same id is tried again below.
    isUnsure = found.isUnsure === true;
  }
  if (size < wanted.need) {
    bus.publish(tenantRecall(tenant), { tenant, recall: wanted.id } satisfies TenantRecall);
    await sleep(clock, RECALL_MS);
    size = await sizeNow();
  }
  if (size <= 0n) return { granted: 0n, affordable: 0n, isUnsure };
  const reply = await move(options, tenant, wanted, size);
  return { ...reply, isUnsure: isUnsure || reply.isUnsure === true };
}

/** The ledger's word. @throws what the ledger said but that the points do not suffice */
async function move(
  { ledger, clock }: PurseDeskOptions,
  tenant: TenantId,
  wanted: GrantAsk,
  size: bigint,
): Promise<GrantReply> {
  const amount = micropointsOf(size);
  const atLeast = micropointsOf(wanted.atLeast > 0n ? wanted.atLeast : 1n);
  const { id, node, epoch = null } = wanted;
  let isUnsure = false;
  try {
    const granted = await untilAnswered(
      clock,
      () => ledger.grant({ id, tenant, node, epoch, amount, atLeast }),
      () => {
        isUnsure = true;
      },
    );
    if (granted >= wanted.need) return { granted, affordable: 0n };
    const { tenantAccount, overdraft } = await untilAnswered(clock, () => ledger.balances(tenant));
    const left = tenantAccount + overdraft;
    return { granted, affordable: left > 0n ? left : 0n };
  } catch (thrown) {
    const affordable = affordableIn(thrown);
    if (affordable === undefined) throw asSluiceError(thrown);
    return { granted: 0n, affordable, isUnsure };
  }
}

const isUnreachable = (thrown: unknown): thrown is BusError =>
  thrown instanceof BusError && (thrown.kind === "no_responders" || thrown.kind === "timeout");
