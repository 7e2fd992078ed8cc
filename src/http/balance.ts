import { SluiceError } from "../core/errors.ts";
import type { TenantId } from "../core/ids.ts";
import { formatPoints, type Micropoints, micropointsOf } from "../core/points.ts";
import type { Balances } from "../ledger/accounts.ts";

export interface BalancePorts {
  readonly accounts: { balances(tenant: TenantId): Promise<Balances> };
  /** Resolves when the ledger has every request that had ended at the call. */
  flush(): Promise<void>;
  /** Held by the requests of this tenant that run now, on all nodes. */
  reserved(tenant: TenantId): Promise<Micropoints>;
}

/** Amounts as decimal strings of points. */
export interface BalanceView {
  /** What is left: in the tenant's account and in the nodes' purses. */
  readonly balance: string;
  /** Of it, held by running requests. */
  readonly reserved: string;
  readonly available: string;
  readonly spent: string;
}

/** A tenant's points with everything booked that has ended. @throws SluiceError `overloaded` when the ledger is away */
export async function balanceOf(ports: BalancePorts, tenant: TenantId): Promise<BalanceView> {
  await flushed(ports);
  const [{ tenantAccount, purses, spent }, reserved] = await Promise.all([
    ports.accounts.balances(tenant),
    ports.reserved(tenant),
  ]);
  let balance: bigint = tenantAccount;
  for (const purse of purses.values()) balance += purse;
  return {
    balance: formatPoints(micropointsOf(balance)),
    reserved: formatPoints(reserved),
    available: formatPoints(micropointsOf(balance - reserved)),
    spent: formatPoints(spent),
  };
}

/** Waits for the ledger. @throws SluiceError `overloaded` when it does not get there in time */
export async function flushed(ports: Pick<BalancePorts, "flush">): Promise<void> {
  try {
    await ports.flush();
  } catch (cause) {
    const message = "The ledger has not booked everything yet. Try again in a moment.";
    throw new SluiceError("overloaded", message, { retryAfterMs: 1_000, cause });
  }
}
