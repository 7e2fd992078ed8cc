import type { Clock } from "../../core/clock.ts";
import { asSluiceError } from "../../core/errors.ts";
import { type RequestId, randomText, requestId, taskId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import type { Random } from "../../core/random.ts";
import type { BatchLedger } from "../../ledger/batches.ts";
import { isUnreachable } from "../../ledger/database.ts";
import type { TaskRun as Right } from "../../ledger/tasks.ts";
import type { Deadlines } from "../deadlines.ts";
import { type LinePorts, runLine } from "./batch-line.ts";
import type { BatchOrder } from "./order.ts";
import type { TaskBook } from "./task-book.ts";
import type { TaskWork } from "./task-ports.ts";
import { LetGo, Waiting } from "./waiting.ts";

export interface BatchPorts extends LinePorts {
  readonly batches: BatchLedger;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly log: Log;
  /** The node has enough to do without batches. */
  isBusy(): boolean;
}

/** Lines of one batch that run at once. */
const LINES_AT_ONCE = 8;
/** Lines that are looked up at a time. */
const PAGE = 200;
/** How often a line is tried that a vendor or a limit turned away, and the longest pause between. */
const LINE_TRIES = 6;
const MOST_PAUSE_MS = 60_000;
const BUSY_PAUSE_MS = 1_000;

/** A batch on this node: its lines go the usual way, few at a time, and only while nobody who waits needs the node. */
export class BatchRun implements TaskWork {
  /** Nothing of it is lost with the node: a line that was not done is run again. */
  readonly isSubmitting = false;
  readonly isFreeToCancel = true;
  readonly #waiting: Waiting;
  readonly #flying = new Set<Promise<void>>();
  /** Of lines that wait to be tried again: several at a time. */
  readonly #pauses = new Set<Waiting>();
  #isCancelled = false;
  #done = 0;
  #total = 1;
  #broken: unknown;

  constructor(
    readonly ports: BatchPorts,
    readonly book: TaskBook,
    readonly right: Right,
    readonly order: BatchOrder,
  ) {
    this.#waiting = new Waiting(ports.deadlines);
  }

  isAbout(): boolean {
    return false;
  }

  hear(): void {}

  cancel(): void {
    this.#isCancelled = true;
    this.#waiting.wake();
    for (const pause of this.#pauses) pause.wake();
  }

  letGo(): void {
    this.#waiting.stop();
    for (const pause of this.#pauses) pause.wake();
  }

  /** To its end, or to where another run takes it up. Never rejects. */
  async go(): Promise<void> {
    const { batches, log } = this.ports;
    try {
      await this.book.move({ state: "running", event: { state: "running" } });
      const before = await batches.tally(this.right.id);
      this.#total = before.total;
      this.#done = before.completed + before.failed;
      await this.#runLines().catch((thrown: unknown) => {
        this.#broken ??= thrown;
      });
      // What runs is let end: it is charged, and its answers are kept.
      await Promise.all(this.#flying);
      if (this.#broken !== undefined) throw this.#broken;
      if (this.#waiting.isStopped) throw new LetGo();
      const { total, completed, failed, cost, usage } = await batches.tally(this.right.id);
      const result = { pictures: [], lines: { total, completed, failed } };
      const error = { code: "request_cancelled", message: "The task was cancelled." } as const;
      await this.book.end(
        this.#isCancelled && completed + failed < total
          ? { state: "cancelled", error, result, cost, usage }
          : { state: "succeeded", result, cost, usage },
      );
    } catch (thrown) {
      if (thrown instanceof LetGo || isUnreachable(thrown)) await this.book.letGo();
      else {
        log.error("a batch broke off", { task: this.right.id, cause: String(thrown) });
        const { code, message } = asSluiceError(thrown);
        await this.book.end({ state: "failed", error: { code, message } });
      }
    } finally {
      this.#waiting.stop();
    }
  }

  get #isOver(): boolean {
    return this.#isCancelled || this.#waiting.isStopped || this.#broken !== undefined;
  }

  async #runLines(): Promise<void> {
    for (let after = 0; ; ) {
      const lines = await this.ports.batches.open(this.right.id, after, PAGE);
      if (lines.length === 0) return;
      for (const line of lines) {
        while (this.#flying.size >= LINES_AT_ONCE) await Promise.race(this.#flying);
        while (this.ports.isBusy() && !this.#isOver) await this.#waiting.pause(BUSY_PAUSE_MS);
        if (this.#isOver) return;
        after = line;
        const flight: Promise<void> = this.#run(line)
          .catch((thrown: unknown) => {
            this.#broken ??= thrown;
          })
          .finally(() => this.#flying.delete(flight));
        this.#flying.add(flight);
      }
    }
  }

  async #run(line: number): Promise<void> {
    const { batches, random } = this.ports;
    const { id } = this.right;
    for (let tries = 1; ; tries += 1) {
      const charge: RequestId = requestId(`req_${randomText(random.bytes(24))}`);
      const asked = await batches.begin(this.right, line, charge);
      if (asked === undefined) return;
      const { caller, base } = this.order;
      const pictureTask = taskId(`${id}_${line}`);
      const { answer, againInMs } = await runLine(this.ports, {
        caller,
        base,
        asked,
        charge,
        pictureTask,
      });
      if (againInMs !== undefined && tries < LINE_TRIES && !this.#isOver) {
        await this.#pause(Math.min(MOST_PAUSE_MS, Math.max(againInMs, 250 * 2 ** tries)));
        if (!this.#isOver) continue;
        return;
      }
      if (await batches.finish(id, line, charge, answer)) this.#done += 1;
      await this.book.progress(this.#done / this.#total);
      return;
    }
  }

  /** A line's own. */
  async #pause(ms: number): Promise<void> {
    const waiting = new Waiting(this.ports.deadlines);
    this.#pauses.add(waiting);
    await waiting.pause(ms);
    this.#pauses.delete(waiting);
  }
}
