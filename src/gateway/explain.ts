import type { RequestId, TenantId } from "../core/ids.ts";
import type { Decision } from "./router.ts";

/** Routing decisions of the last requests, for `explain`. Older ones are told from their receipts alone. */
export interface Explanations {
  decided(request: RequestId, tenant: TenantId, decision: Decision): void;
  get(request: RequestId, tenant: TenantId): Decision | undefined;
}

/** How many are kept: a few minutes of a busy node, a few megabytes, since decisions share their routes. */
const KEPT = 10_000;

export function createExplanations(): Explanations {
  const decisions = new Map<RequestId, { readonly tenant: TenantId; readonly decision: Decision }>();
  return {
    decided(request, tenant, decision) {
      decisions.set(request, { tenant, decision });
      if (decisions.size <= KEPT) return;
      for (const oldest of decisions.keys()) {
        decisions.delete(oldest);
        break;
      }
    },
    get(request, tenant) {
      const kept = decisions.get(request);
      return kept?.tenant === tenant ? kept.decision : undefined;
    },
  };
}
