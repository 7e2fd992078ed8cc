import type { RequestId, TenantId } from "../core/ids.ts";
import type { Decision } from "./router.ts";

/** Routing decisions of the last requests, for `explain`. Older ones are told from their receipts alone. */
export interface Explanations {
  decided(request: RequestId, tenant: TenantId, decision: Decision): void;
  get(request: RequestId, tenant: TenantId): Decision | undefined;
}

/** So many are kept: a few minutes of a busy node. */
const KEPT = 10_000;

/**
 * A ring of three columns, searched from one end to the other when somebody asks. A Map of as many entries, which nobody
 * asks on most days, cost every request a part of its growing and of the collector's walk over it.
 */
export function createExplanations(): Explanations {
  const requests: RequestId[] = [];
  const tenants: TenantId[] = [];
  const decisions: Decision[] = [];
  let at = 0;
  return {
    decided(request, tenant, decision) {
      requests[at] = request;
      tenants[at] = tenant;
      decisions[at] = decision;
      at = at + 1 === KEPT ? 0 : at + 1;
    },
    get(request, tenant) {
      const found = requests.lastIndexOf(request);
      return found >= 0 && tenants[found] === tenant ? decisions[found] : undefined;
    },
  };
}
