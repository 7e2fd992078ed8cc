import { SHARDS } from "../../actors/shard.ts";
import type { HookNews, RunningJob } from "../../adapters/media-adapter.ts";
import type { Cancel } from "../../core/clock.ts";
import { asSluiceError, SluiceError } from "../../core/errors.ts";
import { type RequestId, randomText, requestId, type TaskId, type TenantId, taskId } from "../../core/ids.ts";
import { ZERO } from "../../core/points.ts";
import { hasEnded, type Task } from "../../core/task.ts";
import type { ClaimedTask, TaskRun as Right, TaskSelection, Transaction } from "../../ledger/tasks.ts";
import type { Caller } from "../gateway.ts";
import { pictureOfLine } from "./batch-picture.ts";
import { type BatchPorts, BatchRun } from "./batch-run.ts";
import { keepInputs } from "./inputs.ts";
import { unpackBatchOrder, unpackOrder } from "./kept-order.ts";
import {
  CLAIM_MS,
  CLAIMS_AT_ONCE,
  FORGET_AT_ONCE,
  FORGET_MS,
  RENEW_MS,
  TASKS_PER_NODE,
  TASKS_PER_TENANT,
} from "./limits.ts";
import { newLines, newTask, parentJob, pictureOrder, tooMany } from "./new-task.ts";
import { openTask } from "./open-task.ts";
import type { BatchOrder, BatchWish, TaskWish } from "./order.ts";
import { keptOrder, reopenTask } from "./reopen-task.ts";
import { namedWish, type SameTaskPorts, untilEnded } from "./same-task.ts";
import { TaskBook } from "./task-book.ts";
import { TaskFeed } from "./task-feed.ts";
import type { AcceptedTask, TaskPorts, TaskStep, TaskWork } from "./task-ports.ts";
import { type LeftAt, PictureRun, type TaskRunTerms } from "./task-run.ts";

interface Running {
  readonly run: TaskWork;
  readonly book: TaskBook;
  readonly isAwaited: boolean;
  readonly ended: Promise<unknown>;
}

/** The tasks of this node: takes them, runs them, goes on with those of nodes that are gone. */
export class TaskRunner {
  readonly feed: TaskFeed;
  /** What became of tasks here, counted since the start. */
  readonly steps = new Map<TaskStep, number>();
  readonly #running = new Map<TaskId, Running>();
  readonly #timers: Cancel[] = [];
  #arriving = 0;
  #isClosing = false;
  #isClaiming = false;

  constructor(readonly ports: TaskPorts) {
    this.feed = new TaskFeed(ports);
  }

  get running(): number {
    return this.#running.size;
  }

  /** Begins to look for tasks that nobody runs: first for those that an earlier life of this node had. */
  async start(): Promise<void> {
    const { clock, ledger } = this.ports;
    await ledger.releaseOwn();
    this.#timers.push(
      clock.every(RENEW_MS, () => this.#quietly(this.#renew(), "leases of tasks could not be renewed")),
      clock.every(CLAIM_MS, () => this.#quietly(this.#claim(), "abandoned tasks could not be looked for")),
      clock.every(FORGET_MS, () =>
        this.#quietly(ledger.forgetExpired(FORGET_AT_ONCE), "old tasks could not be forgotten"),
      ),
    );
    this.#quietly(this.#claim(), "abandoned tasks could not be looked for");
  }

  /**
   * Takes a task: when this resolves it is written down, and admitted.
   * @throws SluiceError what a client is refused with
   */
  accept(caller: Caller, wish: TaskWish, request: RequestId): Promise<AcceptedTask> {
    return this.#arrive(caller, async () => {
      const { same, named } = await namedWish(this.#looking, caller.tenant, wish);
      if (same === undefined) return this.#accept(caller, named, request);
      const ended = untilEnded(this.#looking, same).then((task) => ({ task, attempts: 1 }));
      return { task: same, limit: undefined, tokenLimit: undefined, ended };
    });
  }

  /** Takes a batch: its lines are admitted one by one, when it is their turn. */
  acceptBatch(caller: Caller, wish: BatchWish, request: RequestId): Promise<Task> {
    return this.#arrive(caller, async () => {
      const { same, named } = await namedWish(this.#looking, caller.tenant, wish);
      return same ?? this.#acceptBatch(caller, named, request);
    });
  }

  async #arrive<Taken>(caller: Caller, take: () => Promise<Taken>): Promise<Taken> {
    const refusal = this.ports.refusal(caller.tier) ?? this.#refusal();
    if (refusal !== undefined) throw refusal;
    this.#arriving += 1;
    try {
      return await take();
    } finally {
      this.#arriving -= 1;
    }
  }

  get #looking(): SameTaskPorts {
    const find = (tenant: TenantId, id: TaskId) => this.find(tenant, id);
    return { clock: this.ports.clock, find, isClosing: () => this.#isClosing };
  }

  find(tenant: TenantId, id: TaskId): Promise<Task | undefined> {
    return this.ports.ledger.find(tenant, id);
  }

  /** Those of them that there are, in no order. */
  findAll(tenant: TenantId, ids: readonly TaskId[]): Promise<readonly Task[]> {
    return this.ports.ledger.findAll(tenant, ids);
  }

  list(tenant: TenantId, which: TaskSelection): Promise<readonly Task[]> {
    return this.ports.ledger.list(tenant, which);
  }

  /** The number of a task's last event; 0: there is none. */
  async lastEvent(id: TaskId): Promise<number> {
    return (await this.ports.ledger.lastEvents([id])).get(id) ?? 0;
  }

  /** Undefined: there is no such task. One that has ended stays as it is. */
  async cancel(tenant: TenantId, id: TaskId): Promise<Task | undefined> {
    const task = await this.ports.ledger.wantCancel(tenant, id);
    if (task === undefined || hasEnded(task.state)) return task;
    if (this.#running.has(id)) this.cancelHere(id);
    else this.ports.elsewhere?.cancel(id);
    return task;
  }

  /** Whoever waited for it has left: cancelled where that is free, else gone on with and kept. */
  abandon(tenant: TenantId, id: TaskId): void {
    if (this.#running.get(id)?.run.isFreeToCancel !== true) return;
    this.#quietly(this.cancel(tenant, id), "a task that nobody waits for could not be cancelled");
  }

  /** A vendor says something about one of its jobs. Whichever node has it is told; the others are told to ask. */
  hear(vendor: string, { jobId, state }: HookNews): void {
    if (!this.hearHere(vendor, jobId, state)) this.ports.elsewhere?.news(vendor, jobId);
  }

  /** False: nobody here runs it. */
  hearHere(vendor: string, jobId: string, state?: HookNews["state"]): boolean {
    for (const { run } of this.#running.values()) {
      if (!run.isAbout(vendor, jobId)) continue;
      run.hear(state);
      return true;
    }
    return false;
  }

  /** Another node was asked to cancel one. */
  cancelHere(id: TaskId): void {
    this.#running.get(id)?.run.cancel();
  }

  /** Takes nothing new, and leaves to others what can be gone on with elsewhere. */
  handOver(): void {
    this.#isClosing = true;
    for (const { run, isAwaited } of this.#running.values()) if (!isAwaited && !run.isSubmitting) run.letGo();
  }

  /** Lets go of everything. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const cancel of this.#timers) cancel();
    const running = [...this.#running.values()];
    for (const { run } of running) run.letGo();
    await Promise.all(running.map(({ ended }) => ended));
    this.feed.close();
  }

  #refusal(): SluiceError | undefined {
    const isFull = this.#running.size + this.#arriving >= TASKS_PER_NODE;
    if (!isFull && !this.#isClosing) return undefined;
    const message = isFull ? "This node runs as many tasks as it can." : "This node is stopping.";
    return new SluiceError("overloaded", message, { retryAfterMs: isFull ? 5_000 : 1_000 });
  }

  async #refuseMany(tenant: TenantId): Promise<void> {
    if ((await this.ports.ledger.unfinished(tenant)) >= TASKS_PER_TENANT) throw tooMany();
  }

  async #accept(caller: Caller, wish: TaskWish, charged: RequestId): Promise<AcceptedTask> {
    const { ledger, store, clock } = this.ports;
    const { tenant } = caller;
    await this.#refuseMany(tenant);
    const parent = wish.parentTask && (await parentJob(ledger, tenant, wish.parentTask));
    const asked = parent === undefined ? wish.request : { ...wish.request, parent };
    const opening = { caller, request: asked, requestId: charged, path: wish.path, isAgain: false };
    const { charge, candidates, admission } = await openTask(this.ports, opening);
    try {
      const { isAwaited } = wish;
      const request = await keepInputs(store, tenant, asked);
      const order = pictureOrder(caller, wish, request);
      const { id = this.#newId() } = wish;
      const createdAt = clock.now();
      const { operation, model } = request;
      const { row, task } = newTask({ ...wish, id, operation, model, charge: charged, createdAt }, order);
      if (!(await ledger.accept(row, TASKS_PER_TENANT))) throw tooMany();
      const terms = { right: { id, run: 1 }, order, charge, candidates, createdAt, isAwaited };
      this.#count("accepted");
      const ended = this.#run(task, terms, undefined);
      return { task, limit: admission.rates.limit, tokenLimit: admission.rates.tokenLimit, ended };
    } catch (thrown) {
      charge.settleUnserved("failed", asSluiceError(thrown).code);
      throw thrown;
    }
  }

  #newRequestId(): RequestId {
    return requestId(`req_${randomText(this.ports.random.bytes(24))}`);
  }

  #newId(): TaskId {
    return taskId(`task_${randomText(this.ports.random.bytes(24))}`);
  }

  async #acceptBatch(caller: Caller, wish: BatchWish, charged: RequestId): Promise<Task> {
    const { ledger, batches, clock } = this.ports;
    await this.#refuseMany(caller.tenant);
    const { path, base, webhook } = wish;
    const secret = webhook?.secret;
    const order: BatchOrder = {
      caller,
      path,
      base,
      ...(secret === undefined ? {} : { webhookSecret: secret }),
    };
    const { id = this.#newId() } = wish;
    const createdAt = clock.now();
    const head = { ...wish, id, operation: "batch", model: "", charge: charged, createdAt } as const;
    const { row, task } = newTask(head, order);
    const lines = (transaction: Transaction) => batches.add(transaction, id, newLines(wish.lines));
    if (!(await ledger.accept(row, TASKS_PER_TENANT, lines))) throw tooMany();
    this.#count("accepted");
    void this.#runBatch(task, { id, run: 1 }, order);
    return task;
  }

  #runBatch(task: Task, right: Right, order: BatchOrder): AcceptedTask["ended"] {
    const book = this.#bookOf(task, right, order);
    const accept = (caller: Caller, wish: TaskWish) => this.accept(caller, wish, this.#newRequestId());
    const making = { ...this.#looking, accept };
    const picture: BatchPorts["picture"] = (...asked) => pictureOfLine(making, ...asked);
    const run = new BatchRun({ ...this.ports, picture }, book, right, order);
    return this.#keep(task, { run, book, isAwaited: false }, run.go(), () => 0);
  }

  #run(task: Task, terms: TaskRunTerms, left: LeftAt | undefined): AcceptedTask["ended"] {
    const book = this.#bookOf(task, terms.right, terms.order);
    const run = new PictureRun(this.ports, book, terms);
    const going = run.go(left);
    return this.#keep(
      task,
      { run, book, isAwaited: terms.isAwaited },
      going,
      () => terms.charge.attempts.length,
    );
  }

  #bookOf(task: Task, right: Right, order: BatchOrder | undefined): TaskBook {
    const { ledger, clock, log } = this.ports;
    const told = () => this.#told(task.id);
    const ending = (ended: Task, transaction: Transaction) => this.#message(ended, order, transaction);
    return new TaskBook({ ledger, clock, log, told, ending }, right, task);
  }

  /** Keeps what runs until it has ended, here or for this node. */
  #keep(
    { id, isCancelWanted }: Task,
    running: Omit<Running, "ended">,
    going: Promise<void>,
    attempts: () => number,
  ): AcceptedTask["ended"] {
    const { run, book } = running;
    if (isCancelWanted) run.cancel();
    const ended = going
      .catch((thrown: unknown) =>
        this.ports.log.error("a task broke off", { task: id, cause: String(thrown) }),
      )
      .then(() => {
        if (this.#running.get(id)?.run === run) this.#running.delete(id);
        const { state, error } = book.task;
        this.#count(hasEnded(state) ? state : "let_go");
        if (error?.mayHaveRun === true) this.#count("may_have_run");
        if (!hasEnded(state)) return undefined;
        this.ports.webhooks.wake();
        return { task: book.task, attempts: attempts() };
      });
    this.#running.set(id, { ...running, ended });
    return ended;
  }

  /** Without its order it is not known by what a message would be signed: then there is none. */
  async #message(task: Task, order: BatchOrder | undefined, transaction: Transaction): Promise<void> {
    if (task.webhook === undefined || order === undefined) return;
    const { base, webhookSecret, dialect } = order;
    await this.ports.webhooks.enqueue(transaction, {
      tenant: task.tenant,
      url: task.webhook,
      event: `task.${task.state}`,
      data: await this.ports.shown(task, base, dialect),
      ...(dialect === undefined ? {} : { isBare: true }),
      ...(webhookSecret === undefined ? {} : { secret: webhookSecret }),
    });
  }

  async #renew(): Promise<void> {
    const asked = [...this.#running].map(([, running]) => running);
    if (asked.length === 0) return;
    const ours = await this.ports.ledger.renew(asked.map(({ book }) => book.right));
    for (const { run, book } of asked) {
      const known = ours.get(book.right.id);
      if (known === undefined && !hasEnded(book.task.state)) run.letGo();
      else if (known?.isCancelWanted === true) run.cancel();
    }
  }

  async #claim(): Promise<void> {
    if (this.#isClaiming || this.#isClosing) return;
    this.#isClaiming = true;
    try {
      const shards = Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) =>
        this.ports.owns(shard),
      );
      for (let count = 0; count < CLAIMS_AT_ONCE && this.#refusal() === undefined; count += 1) {
        const charge = this.#newRequestId();
        const claimed = await this.ports.ledger.claim(shards, charge);
        if (claimed === undefined) return;
        // One that this very node let lapse: its former run finds out at its next step.
        this.#running.get(claimed.task.id)?.run.letGo();
        await this.#goOn(claimed, charge);
      }
    } finally {
      this.#isClaiming = false;
    }
  }

  async #goOn(claimed: ClaimedTask, charged: RequestId): Promise<void> {
    const { task, run: right, vendorKey, job } = claimed;
    const { log } = this.ports;
    const route = this.ports
      .routes()
      .models.get(task.model)
      ?.find(({ vendor, model, media }) => vendor.id === task.vendor && model === task.vendorModel && media);
    log.info("a task goes on here", { task: task.id, state: task.state, run: right.run });
    let known: BatchOrder | undefined;
    try {
      if (task.operation === "batch") {
        known = keptOrder(claimed, log, unpackBatchOrder);
        this.#count("claimed");
        void this.#runBatch(task, right, known);
        return;
      }
      const order = keptOrder(claimed, log, unpackOrder);
      known = order;
      const opened = await reopenTask(this.ports, claimed, order, charged, route);
      const { charge, candidates, refusal } = opened;
      const { createdAt } = task;
      const terms = { right, order, charge, candidates, createdAt, isAwaited: false, refusal };
      const state = hasEnded(task.state) ? "queued" : task.state;
      const left: LeftAt = { state, route, keyId: vendorKey, job: job as RunningJob | undefined };
      this.#count("claimed");
      void this.#run(task, terms, left);
    } catch (thrown) {
      const { code, message } = asSluiceError(thrown);
      // What passes is tried again when this lease is over.
      if (code === "overloaded")
        return log.warn("a task cannot go on yet", { task: task.id, cause: message });
      const mayHaveRun = task.state === "queued" ? {} : { mayHaveRun: true };
      const book = this.#bookOf(task, right, known);
      await book.end({ state: "failed", error: { code, message, ...mayHaveRun }, cost: ZERO });
    }
  }

  #count(step: TaskStep): void {
    this.steps.set(step, (this.steps.get(step) ?? 0) + 1);
  }

  #told(id: TaskId): void {
    this.feed.told(id);
    this.ports.elsewhere?.told(id);
  }

  #quietly(doing: Promise<unknown>, what: string): void {
    doing.catch((thrown: unknown) => this.ports.log.warn(what, { cause: String(thrown) }));
  }
}
