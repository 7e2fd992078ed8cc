import type { RequestId, TenantId } from "../core/ids.ts";
import type { Decision } from "./router.ts";

/** Routing decisions of the last requests, for `explain`. Older ones are told from their receipts alone. */
export interface Explanations {
  decided(request: RequestId, tenant: TenantId, decision: Decision): void;
  get(request: RequestId, tenant: TenantId): Decision | undefined;
}

interface Kept {
  readonly tenant: TenantId;
  readonly decision: Decision;
}

/** At least so many are kept, at most twice: a few minutes of a busy node, a few megabytes. */
const KEPT = 10_000;

export function createExplanations(): Explanations {
  // Two generations: dropping the older one as a whole costs nothing, deleting one by one from a Map does.
  let recent = new Map<RequestId, Kept>();
  let older = new Map<RequestId, Kept>();
  return {
    decided(request, tenant, decision) {
      recent.set(request, { tenant, decision });
      if (recent.size < KEPT) return;
      older = recent;
      recent = new Map();
    },
    get(request, tenant) {
      const kept = recent.get(request) ?? older.get(request);
      return kept?.tenant === tenant ? kept.decision : undefined;
    },
  };
}
