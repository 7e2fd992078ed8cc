import type { TenantBalances, TenantLedger } from "../src/actors/tenant-ledger.ts";
import { sleep } from "../src/core/clock.ts";
import { SluiceError } from "../src/core/errors.ts";
import type { NodeId, TenantId } from "../src/core/ids.ts";
import { formatPoints, micropointsOf } from "../src/core/points.ts";
import type { Sql } from "../src/ledger/database.ts";
import type { WatermarkRow } from "../src/ledger/watermark.ts";
import type { Chance } from "./chance.ts";
import type { Process } from "./process.ts";

export interface BookedUsage {
  readonly tenant: string;
  readonly charged: bigint;
  readonly loss: bigint;
}

interface NodeRow {
  epoch: bigint;
  segment: bigint;
  byte_offset: bigint;
  sequence: bigint;
}

/**
 * Postgres as the SQL functions of `src/ledger/migrations` define it: accounts that cannot go below zero, moves that
 * happen once, usage that is booked once, a watermark that passes over nothing. Statements are whole or not at all.
 */
export class Ledger {
  readonly available = new Map<string, bigint>();
  readonly toppedUp = new Map<string, bigint>();
  /** By `tenant/node`. */
  readonly purses = new Map<string, bigint>();
  readonly usage = new Map<string, BookedUsage>();
  readonly nodes = new Map<string, NodeRow>();
  /** Usage in batches that came too early and were sent away. */
  readonly early = new Set<string>();
  /** Nodes that cannot reach it. */
  readonly cutOff = new Set<NodeId>();
  isDown = false;
  /** The sum of `usage`, by tenant. */
  readonly #spent = new Map<string, bigint>();
  readonly #moves = new Map<string, bigint>();
  /** Something moved since the sums were looked at. */
  #isChanged = false;
  #fault: string | undefined;

  constructor(readonly chance: Chance) {}

  topUp(tenant: string, amount: bigint): void {
    this.#isChanged = true;
    this.available.set(tenant, (this.available.get(tenant) ?? 0n) + amount);
    this.toppedUp.set(tenant, (this.toppedUp.get(tenant) ?? 0n) + amount);
  }

  /** The first thing that is wrong with the sums, if any. */
  fault(): string | undefined {
    if (this.#isChanged) this.#fault = this.#faultInSums();
    this.#isChanged = false;
    return this.#fault;
  }

  #faultInSums(): string | undefined {
    const left = new Map(this.available);
    for (const [purse, balance] of this.purses) {
      if (balance < 0n) return `purse ${purse} is below zero`;
      const tenant = purse.slice(0, purse.indexOf("/"));
      left.set(tenant, (left.get(tenant) ?? 0n) + balance);
    }
    for (const [tenant, spent] of this.#spent) left.set(tenant, (left.get(tenant) ?? 0n) + spent);
    for (const [tenant, sum] of left) {
      if ((this.available.get(tenant) ?? 0n) < 0n) return `${tenant} is overdrawn`;
      const whole = this.toppedUp.get(tenant) ?? 0n;
      if (sum !== whole) return `${tenant} has ${whole} topped up, and ${sum} somewhere`;
    }
    return undefined;
  }

  /** The grants and returns of one process. */
  accountsOf(node: NodeId, process: Process): TenantLedger {
    const serve = <Value>(act: () => Value): Promise<Value> => this.#serve(node, process, act);
    return {
      balances: (tenant) => serve(() => this.#balances(tenant)),
      grant: ({ id, tenant, node: to, epoch, amount, atLeast }) =>
        serve(() => {
          this.#requireLife(to, epoch);
          const known = this.#moves.get(id);
          if (known !== undefined) return micropointsOf(known);
          const there = this.available.get(tenant) ?? 0n;
          const granted = amount < there ? BigInt(amount) : there;
          if (granted < atLeast || granted <= 0n) {
            const affordable = formatPoints(micropointsOf(there > 0n ? there : 0n));
            throw new SluiceError("insufficient_points", "not enough", { affordable });
          }
          this.#move(id, tenant, to, granted);
          return micropointsOf(granted);
        }),
      giveBack: ({ id, tenant, node: from, epoch, amount }) =>
        serve(() => {
          this.#requireLife(from, epoch);
          if (!this.#moves.has(id)) this.#move(id, tenant, from, -BigInt(amount));
        }),
      spentByKey: () => serve(() => micropointsOf(0n)),
    };
  }

  /** The statements that the usage stream and recovery send, by what they say. */
  sqlOf(node: NodeId, process: Process): Sql {
    const run = (text: TemplateStringsArray, values: readonly unknown[]): unknown[] => {
      switch (statementOf(text)) {
        case "apply_usage(":
          return [this.#apply(values)];
        case "register_node(":
          return [this.#register(String(values[0]))];
        case "return_purses(":
          return [{ returned: this.#returnPurses(String(values[0])) }];
        case "select spool_epoch":
          return [this.#row(String(values[0]))];
        case "select balance from account":
          return [{ balance: this.purses.get(`${String(values[0])}/${String(values[1])}`) ?? 0n }];
      }
    };
    const sql = (text: TemplateStringsArray, ...values: unknown[]) =>
      this.#serve(node, process, () => run(text, values));
    return Object.assign(sql, { json: (value: unknown) => value }) as unknown as Sql; // as much of it as is used
  }

  /** Lost before it was done, or done and lost after. */
  async #serve<Value>(node: NodeId, process: Process, act: () => Value): Promise<Value> {
    const { chance } = this;
    const happen = async (): Promise<Value> => {
      await sleep(chance.clock, chance.between(0.3, 4));
      if (this.isDown || this.cutOff.has(node) || chance.happens(chance.faults.refuse)) throw lost();
      const value = act();
      await sleep(chance.clock, chance.between(0.3, 4));
      if (this.cutOff.has(node) || chance.happens(chance.faults.ambiguous)) throw lost();
      return value;
    };
    return process.reach(happen());
  }

  #balances(tenant: TenantId): TenantBalances {
    const purses = [...this.purses].flatMap(([purse, balance]) => {
      const [whose = "", node = ""] = purse.split("/");
      return whose === tenant && balance !== 0n ? [[node as NodeId, micropointsOf(balance)] as const] : [];
    });
    const tenantAccount = micropointsOf(this.available.get(tenant) ?? 0n);
    return { tenantAccount, overdraft: micropointsOf(0n), purses: new Map(purses) };
  }

  #move(id: string, tenant: string, node: string, amount: bigint): void {
    this.#isChanged = true;
    const purse = (this.purses.get(`${tenant}/${node}`) ?? 0n) + amount;
    if (purse < 0n) throw constraint();
    this.purses.set(`${tenant}/${node}`, purse);
    this.available.set(tenant, (this.available.get(tenant) ?? 0n) - amount);
    this.#moves.set(id, amount);
  }

  #requireLife(node: string, epoch: bigint | null | undefined): void {
    if (epoch === null || epoch === undefined || this.nodes.get(node)?.epoch === epoch) return;
    throw new SluiceError("conflict", "the node has begun anew");
  }

  #register(node: string): WatermarkRow {
    const row = this.nodes.get(node) ?? { epoch: 0n, segment: 0n, byte_offset: 0n, sequence: 0n };
    row.epoch += 1n;
    this.nodes.set(node, row);
    return { ...row };
  }

  #row(node: string): WatermarkRow {
    const row = this.nodes.get(node);
    if (row === undefined) throw new Error("not registered");
    return { ...row };
  }

  #returnPurses(node: string): bigint {
    this.#isChanged = true;
    let returned = 0n;
    for (const [purse, balance] of this.purses) {
      const [tenant = "", whose = ""] = purse.split("/");
      if (whose !== node || balance <= 0n) continue;
      this.purses.set(purse, 0n);
      this.available.set(tenant, (this.available.get(tenant) ?? 0n) + balance);
      returned += balance;
    }
    return returned;
  }

  #apply(values: readonly unknown[]): WatermarkRow & { readonly applied: bigint } {
    this.#isChanged = true;
    const [node, epoch, , texts, , from, segment, offset, to] = values as [
      string,
      bigint,
      string,
      string,
      unknown,
      bigint | null,
      number | null,
      number | null,
      bigint | null,
    ]; // what `book-usage.ts` sends
    const records = JSON.parse(texts) as readonly SentRecord[];
    const row = this.nodes.get(node);
    if (row === undefined) throw Object.assign(new Error("not registered"), { code: "SL002" });
    const first = row.sequence > 1n ? row.sequence : 1n;
    if (epoch === row.epoch && from !== null && from > first) {
      for (const { id } of records) this.early.add(id);
      throw Object.assign(new Error("beyond the watermark"), { code: "SL003" });
    }
    const fresh = records.filter(({ id }) => !this.usage.has(id));
    const purses = new Map<string, bigint>();
    for (const { tenant, charged } of fresh) {
      const purse = `${tenant}/${node}`;
      const left = (purses.get(purse) ?? this.purses.get(purse) ?? 0n) - BigInt(charged);
      if (left < 0n) throw constraint();
      purses.set(purse, left);
    }
    for (const [purse, balance] of purses) this.purses.set(purse, balance);
    for (const { id, tenant, charged, loss } of fresh) {
      this.usage.set(id, { tenant, charged: BigInt(charged), loss: BigInt(loss) });
      this.#spent.set(tenant, (this.#spent.get(tenant) ?? 0n) + BigInt(charged));
    }
    if (epoch === row.epoch && to !== null && to > row.sequence) {
      row.segment = BigInt(segment ?? 0);
      row.byte_offset = BigInt(offset ?? 0);
      row.sequence = to;
    }
    return { applied: BigInt(fresh.length), ...row };
  }
}

/** What the ledger reads of a record's text. */
interface SentRecord {
  readonly id: string;
  readonly tenant: string;
  readonly charged: string;
  readonly loss: string;
}

const STATEMENTS = [
  "apply_usage(",
  "register_node(",
  "return_purses(",
  "select spool_epoch",
  "select balance from account",
] as const;
type Statement = (typeof STATEMENTS)[number];

/** By the template in the code that sends it: the same object each time. */
const known = new WeakMap<TemplateStringsArray, Statement>();

function statementOf(text: TemplateStringsArray): Statement {
  const there = known.get(text);
  if (there !== undefined) return there;
  const whole = text.join("?");
  const found = STATEMENTS.find((part) => whole.includes(part));
  if (found === undefined) throw new Error(`the model of the ledger does not know: ${whole}`);
  known.set(text, found);
  return found;
}

const lost = (): Error => Object.assign(new Error("connection lost"), { code: "CONNECTION_CLOSED" });
const constraint = (): Error => Object.assign(new Error("account_not_overdrawn"), { code: "23514" });
