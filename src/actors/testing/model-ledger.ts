import { type Clock, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { NodeId, TenantId } from "../../core/ids.ts";
import {
  add,
  formatPoints,
  least,
  type Micropoints,
  micropointsOf,
  subtract,
  ZERO,
} from "../../core/points.ts";
import type { Random } from "../../core/random.ts";
import type { Move, TenantBalances, TenantLedger } from "../tenant-ledger.ts";

interface Account {
  balance: Micropoints;
  overdraft: Micropoints;
  toppedUp: Micropoints;
  booked: Micropoints;
  readonly purses: Map<NodeId, Micropoints>;
}

/** Lost connections: the server cannot be reached, or is lost after it has committed. */
export interface Troubles {
  /** Probabilities. */
  before: number;
  after: number;
  latencyMs: number;
}

/** The ledger's rules in memory, with a connection that breaks whenever a test wants. */
export class ModelLedger implements TenantLedger {
  readonly troubles: Troubles = { before: 0, after: 0, latencyMs: 0 };
  readonly calls = { balances: 0, grant: 0, giveBack: 0, spentByKey: 0 };
  readonly spent = new Map<string, Micropoints>();
  readonly #accounts = new Map<TenantId, Account>();
  readonly #moves = new Map<string, { readonly kind: "grant" | "return"; readonly amount: Micropoints }>();

  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  account(tenant: TenantId): Account {
    let account = this.#accounts.get(tenant);
    if (account === undefined) {
      account = { balance: ZERO, overdraft: ZERO, toppedUp: ZERO, booked: ZERO, purses: new Map() };
      this.#accounts.set(tenant, account);
    }
    return account;
  }

  topUp(tenant: TenantId, amount: Micropoints): void {
    const account = this.account(tenant);
    account.balance = add(account.balance, amount);
    account.toppedUp = add(account.toppedUp, amount);
  }

  /** What the usage writer does: a charge leaves the purse for good. */
  book(tenant: TenantId, node: NodeId, amount: Micropoints): void {
    const account = this.account(tenant);
    this.#movePurse(account, node, micropointsOf(-amount));
    account.booked = add(account.booked, amount);
  }

  /** Throws when a point is missing or too many. */
  check(): void {
    for (const [tenant, { balance, overdraft, toppedUp, booked, purses }] of this.#accounts) {
      if (balance + overdraft < 0n) throw new Error(`${tenant} is overdrawn`);
      const inPurses = [...purses.values()].reduce((sum, amount) => sum + amount, 0n);
      if (balance + inPurses + booked !== toppedUp) throw new Error(`${tenant} does not add up`);
    }
  }

  balances(tenant: TenantId): Promise<TenantBalances> {
    this.calls.balances += 1;
    return this.#served(() => {
      const { balance, overdraft, purses } = this.account(tenant);
      return { tenantAccount: balance, overdraft, purses: new Map(purses) };
    });
  }

  grant({
    id,
    tenant,
    node,
    amount,
    atLeast,
  }: Move & { readonly atLeast: Micropoints }): Promise<Micropoints> {
    this.calls.grant += 1;
    return this.#served(() => {
      const known = this.#moves.get(id);
      if (known !== undefined) return known.amount;
      const account = this.account(tenant);
      const available = add(account.balance, account.overdraft);
      const granted = least(amount, available);
      if (granted < atLeast || granted <= 0n) {
        const affordable = formatPoints(available > 0n ? available : ZERO);
        throw new SluiceError("insufficient_points", "Not enough.", { affordable });
      }
      account.balance = subtract(account.balance, granted);
      this.#movePurse(account, node, granted);
      this.#moves.set(id, { kind: "grant", amount: granted });
      return granted;
    });
  }

  giveBack({ id, tenant, node, amount }: Move): Promise<void> {
    this.calls.giveBack += 1;
    return this.#served(() => {
      if (this.#moves.has(id)) return;
      const account = this.account(tenant);
      this.#movePurse(account, node, micropointsOf(-amount));
      account.balance = add(account.balance, amount);
      this.#moves.set(id, { kind: "return", amount });
    });
  }

  spentByKey(key: string): Promise<Micropoints> {
    this.calls.spentByKey += 1;
    return this.#served(() => this.spent.get(key) ?? ZERO);
  }

  async #served<Value>(serve: () => Value): Promise<Value> {
    const { before, after, latencyMs } = this.troubles;
    if (latencyMs > 0) await sleep(this.clock, latencyMs * this.random.next());
    if (this.random.next() < before) throw lost();
    const value = serve();
    if (latencyMs > 0) await sleep(this.clock, latencyMs * this.random.next());
    if (this.random.next() < after) throw lost();
    return value;
  }

  #movePurse({ purses }: Account, node: NodeId, amount: Micropoints): void {
    const balance = add(purses.get(node) ?? ZERO, amount);
    if (balance < 0n) {
      throw Object.assign(new Error("account_not_overdrawn"), { code: "23514" });
    }
    purses.set(node, balance);
  }
}

const lost = (): Error => Object.assign(new Error("connection lost"), { code: "CONNECTION_CLOSED" });

/**
 * The first grant is answered by a lost connection and stays in the network while another node takes all there is;
 * the call lets the ledger have it.
 */
export function lateFirstGrant(ledger: ModelLedger, other: NodeId): () => Promise<void> {
  const grant = ledger.grant.bind(ledger);
  let late: (() => Promise<unknown>) | undefined;
  ledger.grant = async (move) => {
    if (late !== undefined) return await grant(move);
    late = () => grant(move);
    const { balance } = ledger.account(move.tenant);
    await grant({ ...move, id: "all of it", node: other, amount: balance });
    throw new Error("the connection is lost");
  };
  return async () => {
    if (late === undefined) throw new Error("nothing was granted");
    await late();
  };
}
