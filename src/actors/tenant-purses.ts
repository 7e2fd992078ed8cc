import { sleep } from "../core/clock.ts";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import { type NodeId, randomText, type TenantId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import type { Turn } from "./definition.ts";
import { grantSize } from "./grant-size.ts";
import { affordableIn, isRefusal, untilAnswered } from "./ledger-call.ts";
import { FRESH_BALANCE_MS, RECALL_MS, SILENT_MS } from "./limits.ts";
import type { Pending } from "./pending.ts";
import { type TenantChanged, type TenantRecall, tenantChanged, tenantRecall } from "./subjects.ts";
import type { TenantBalances, TenantLedger } from "./tenant-ledger.ts";
import type { GiveBackAsk, GrantAsk, GrantReply, TenantState } from "./tenant-protocol.ts";

type Job =
  | {
      readonly kind: "grant";
      readonly ask: GrantAsk;
      readonly reply: Pending<GrantReply>;
      /** Nodes that were asked for what they do not need; one that a fresh balance shows later is asked, too. */
      readonly recalled: Set<NodeId>;
      /** The ledger had less than was believed here: decided anew, once. */
      isCorrected: boolean;
      /** It may have been granted before; the ledger has not said yet. */
      isInDoubt: boolean;
      /** A try for it got no answer: it may be granted after all, even when a later try was refused. */
      isUnsure: boolean;
    }
  | { readonly kind: "giveBack"; readonly ask: GiveBackAsk; readonly reply: Pending<null> }
  | { readonly kind: "refresh"; readonly reply: Pending<TenantState> };
type GrantJob = Job & { readonly kind: "grant" };
type GiveBackJob = Job & { readonly kind: "giveBack" };

interface Recall {
  readonly id: string;
  readonly job: GrantJob;
  readonly awaited: Set<NodeId>;
}

/**
 * The points of one tenant: what can still be granted, and which nodes hold purses. One ledger call at a time;
 * the figures here are only a view of the ledger, which alone decides.
 */
export class TenantPurses {
  readonly #queue: Job[] = [];
  #balances: TenantBalances;
  #readAt: number;
  /** The job whose ledger call runs. */
  #running: Job | undefined;
  /** A call ended without an answer: the balances must be read before they are relied on. */
  #isStale = false;
  #recall: Recall | undefined;
  /** Nodes that did not answer the last recall: not waited for until they are heard of, or this moment (monotonic) has come. */
  readonly #silent = new Map<NodeId, number>();

  constructor(
    readonly ledger: TenantLedger,
    readonly tenant: TenantId,
    balances: TenantBalances,
    now: number,
  ) {
    this.#balances = balances;
    this.#readAt = now;
  }

  get state(): TenantState {
    const { overdraft, purses } = this.#balances;
    return { available: this.#available, overdraft, purses };
  }

  /** Ledger calls that wait or run. */
  get waiting(): number {
    return this.#queue.length + (this.#running === undefined ? 0 : 1) + (this.#recall === undefined ? 0 : 1);
  }

  get #available(): bigint {
    return this.#balances.tenantAccount + this.#balances.overdraft;
  }

  grant<State>(ask: GrantAsk, turn: Turn<State>): Pending<GrantReply> {
    this.#silent.delete(ask.node);
    const reply = this.#sameGrant(ask.id)?.reply;
    if (reply !== undefined) return reply;
    return this.#enqueue(
      {
        kind: "grant",
        ask,
        reply: turn.later<GrantReply>(),
        recalled: new Set(),
        isCorrected: false,
        isInDoubt: ask.isRetry,
        isUnsure: false,
      },
      turn,
    );
  }

  giveBack<State>(ask: GiveBackAsk, turn: Turn<State>): Pending<null> {
    this.#silent.delete(ask.node);
    return this.#enqueue({ kind: "giveBack", ask, reply: turn.later<null>() }, turn);
  }

  refresh<State>(turn: Turn<State>): Pending<TenantState> {
    return this.#enqueue({ kind: "refresh", reply: turn.later<TenantState>() }, turn);
  }

  #sameGrant(id: string): GrantJob | undefined {
    if (this.#running?.kind === "grant" && this.#running.ask.id === id) return this.#running;
    if (this.#recall?.job.ask.id === id) return this.#recall.job;
    return this.#queue.find((job): job is GrantJob => job.kind === "grant" && job.ask.id === id);
  }

  #enqueue<State, Reply>(job: Job & { readonly reply: Pending<Reply> }, turn: Turn<State>): Pending<Reply> {
    this.#queue.push(job);
    this.#next(turn);
    return job.reply;
  }

  /** Begins ledger calls until one runs. While nodes are being recalled, what they give back goes first. */
  #next<State>(turn: Turn<State>): void {
    while (this.#running === undefined) {
      const index = this.#recall === undefined ? 0 : this.#queue.findIndex(({ kind }) => kind !== "grant");
      const [job] = index < 0 ? [] : this.#queue.splice(index, 1);
      if (job === undefined) return;
      if (job.kind === "grant") this.#decide(job, turn);
      else if (job.kind === "giveBack") this.#giveBack(job, turn);
      else this.#read(job, turn, (later) => this.#refreshed(job, later));
    }
  }

  #decide<State>(job: GrantJob, turn: Turn<State>): void {
    const { ask } = job;
    if (this.#isStale) {
      this.#read(job, turn, () => this.#queue.unshift(job));
      return;
    }
    const size = grantSize(this.#available, this.#nodesWith(ask.node), ask);
    // A grant that was tried before may have happened: only the ledger can tell, whatever is left by now.
    if (job.isInDoubt) this.#move(job, size > 0n ? size : 1n, turn);
    else if (size > 0n && size >= ask.need) this.#move(job, size, turn);
    else if (ask.need === 0n) deny(job, this.#available);
    else if (this.#canRecall(job, turn.now)) this.#startRecall(job, turn);
    else if (turn.now - this.#readAt > FRESH_BALANCE_MS)
      this.#read(job, turn, () => this.#queue.unshift(job));
    else if (size > 0n && size >= ask.atLeast) this.#move(job, size, turn);
    else deny(job, this.#available > 0n ? this.#available : 0n);
  }

  /** One ledger call; `done` and `failed` end it, and the next begins. */
  #call<State, Value>(
    job: Job,
    turn: Turn<State>,
    call: () => Promise<Value>,
    done: (value: Value, later: Turn<State>) => void,
    refused: (thrown: unknown) => void,
    unanswered?: () => void,
  ): void {
    this.#running = job;
    turn.effect(() => untilAnswered(turn.clock, call, unanswered), {
      done: (_, value, later) => {
        this.#running = undefined;
        done(value, later);
        this.#next(later);
        return null;
      },
      failed: (_, thrown, later) => {
        this.#running = undefined;
        this.#isStale = true;
        if (isRefusal(thrown)) refused(thrown);
        else this.#refuseAll(job, thrown, later);
        this.#next(later);
        return null;
      },
    });
  }

  #move<State>(job: GrantJob, size: bigint, turn: Turn<State>): void {
    const { ask } = job;
    const amount = micropointsOf(size);
    const atLeast = micropointsOf(ask.atLeast > 0n ? ask.atLeast : 1n);
    const { tenant, ledger } = this;
    this.#call(
      job,
      turn,
      () => ledger.grant({ id: ask.id, tenant, node: ask.node, epoch: ask.epoch ?? null, amount, atLeast }),
      (granted) => {
        // What a retry answers may have been moved long ago, and more or less than was asked for.
        if (ask.isRetry) this.#isStale = true;
        else this.#moved(ask.node, granted);
        const left = this.#available;
        job.reply.answer({ granted, affordable: granted < ask.need && left > 0n ? left : 0n });
      },
      (thrown) => {
        const affordable = affordableIn(thrown);
        if (affordable === undefined) job.reply.refuse(asSluiceError(thrown));
        else if (job.isInDoubt) {
          // It was not granted: from here on it is an ask like any other.
          job.isInDoubt = false;
          this.#queue.unshift(job);
        }
        // Nodes that could not reach this owner took points: what is left elsewhere may have to be recalled.
        else if (!job.isCorrected) {
          job.isCorrected = true;
          job.recalled.clear();
          this.#queue.unshift(job);
        }
        // Someone else took points meanwhile: once more, with the balance as it is.
        else if (affordable >= ask.atLeast && affordable > 0n) this.#queue.unshift(job);
        else deny(job, affordable);
      },
      () => {
        job.isUnsure = true;
      },
    );
  }

  #giveBack<State>(job: GiveBackJob, turn: Turn<State>): void {
    const { id, node, epoch = null, recall, isRetry } = job.ask;
    const amount = micropointsOf(job.ask.amount);
    const { tenant, ledger } = this;
    const done = (later: Turn<State>): void => {
      job.reply.answer(null);
      if (recall !== undefined && recall === this.#recall?.id) this.#answered(node, later);
    };
    if (amount <= 0n) {
      done(turn);
      return;
    }
    this.#call(
      job,
      turn,
      () => ledger.giveBack({ id, tenant, node, epoch, amount }),
      (_, later) => {
        // A repeated one changes nothing if it happened before: only the ledger can tell.
        if (isRetry) this.#isStale = true;
        else this.#moved(node, -amount);
        done(later);
      },
      (thrown) => {
        const cause = asSluiceError(thrown);
        job.reply.refuse(
          new SluiceError("conflict", "The purse does not have what was given back.", { cause }),
        );
      },
    );
  }

  #read<State>(job: Job, turn: Turn<State>, use: (later: Turn<State>) => void): void {
    this.#call(
      job,
      turn,
      () => this.ledger.balances(this.tenant),
      (balances, later) => {
        this.#balances = balances;
        this.#readAt = later.now;
        this.#isStale = false;
        use(later);
      },
      (thrown) => job.reply.refuse(asSluiceError(thrown)),
    );
  }

  #refreshed<State>(job: Job & { readonly kind: "refresh" }, turn: Turn<State>): void {
    const told: TenantChanged = { tenant: this.tenant };
    turn.publish(tenantChanged(this.tenant), told);
    job.reply.answer(this.state);
  }

  /** The ledger does not answer: who waits is told so, and asks again. */
  #refuseAll<State>(job: Job, thrown: unknown, turn: Turn<State>): void {
    turn.log.warn("the ledger does not answer", { tenant: this.tenant, error: String(thrown) });
    const error = new SluiceError("overloaded", "The ledger does not answer at the moment.", {
      retryAfterMs: 1_000,
    });
    for (const one of [job, ...this.#queue.splice(0)]) one.reply.refuse(error);
  }

  #recallable(job: GrantJob, now: number): NodeId[] {
    const others = [...this.#balances.purses].filter(
      ([node, amount]) => amount > 0n && node !== job.ask.node && now >= (this.#silent.get(node) ?? 0),
    );
    return others.map(([node]) => node);
  }

  #canRecall(job: GrantJob, now: number): boolean {
    return this.#recallable(job, now).some((node) => !job.recalled.has(node));
  }

  #startRecall<State>(job: GrantJob, turn: Turn<State>): void {
    const id = randomText(turn.random.bytes(12));
    const recall: Recall = { id, job, awaited: new Set(this.#recallable(job, turn.now)) };
    for (const node of recall.awaited) job.recalled.add(node);
    this.#recall = recall;
    const told: TenantRecall = { tenant: this.tenant, recall: id };
    turn.publish(tenantRecall(this.tenant), told);
    turn.effect(() => sleep(turn.clock, RECALL_MS), {
      done: (_, __, later) => {
        if (this.#recall !== recall) return null;
        for (const node of recall.awaited) this.#silent.set(node, later.now + SILENT_MS);
        this.#endRecall(recall, later);
        return null;
      },
    });
  }

  #answered<State>(node: NodeId, turn: Turn<State>): void {
    const recall = this.#recall;
    if (recall === undefined || !recall.awaited.delete(node) || recall.awaited.size > 0) return;
    this.#endRecall(recall, turn);
  }

  #endRecall<State>({ job }: Recall, turn: Turn<State>): void {
    this.#recall = undefined;
    this.#queue.unshift(job);
    this.#next(turn);
  }

  #moved(node: NodeId, amount: bigint): void {
    const { tenantAccount, overdraft, purses } = this.#balances;
    const held = (purses.get(node) ?? 0n) + amount;
    const changed = new Map(purses).set(node, micropointsOf(held));
    if (held <= 0n) changed.delete(node);
    this.#balances = { tenantAccount: micropointsOf(tenantAccount - amount), overdraft, purses: changed };
  }

  #nodesWith(node: NodeId): number {
    const { purses } = this.#balances;
    let count = 1;
    for (const [one, amount] of purses) if (one !== node && amount > 0n) count += 1;
    return count;
  }
}

function deny({ reply, isUnsure }: GrantJob, affordable: bigint): void {
  reply.answer({ granted: 0n, affordable, ...(isUnsure ? { isUnsure } : {}) });
}
