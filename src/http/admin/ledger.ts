import type { Reconciliation } from "../../ledger/reconcile.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";

export interface LedgerPorts {
  /** Holds the books against themselves and against what this node believes. */
  reconcile(): Promise<Reconciliation>;
}

const reconciliation: AdminOperation = {
  method: "get",
  path: "/ledger/reconcile",
  permission: "ledger:read",
  summary: "Check the books: debits and credits, balances, usage, spool, holds",
  answers: { 200: "Whether all is well, and each check with what it found." },
};
export const LEDGER_OPERATIONS: readonly AdminOperation[] = [reconciliation];

export function ledgerRoutes(ports: LedgerPorts): readonly AdminRoute[] {
  return [route(reconciliation, () => ports.reconcile())];
}
