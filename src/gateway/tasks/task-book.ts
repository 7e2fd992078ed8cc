import { type Clock, sleep } from "../../core/clock.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { Log } from "../../core/log.ts";
import { hasEnded, type Task } from "../../core/task.ts";
import type { TaskRun as Right, TaskChange, TaskEnd, TaskLedger, Transaction } from "../../ledger/tasks.ts";
import {
  END_TRIES,
  MOST_PROGRESS_EVENTS,
  PROGRESS_PAUSE_MS,
  PROGRESS_STEP,
  TASK_KEPT_MS,
  WRITE_PAUSE_MS,
  WRITE_TRIES,
} from "./limits.ts";
import { LetGo } from "./waiting.ts";

export interface BookPorts {
  readonly ledger: Pick<TaskLedger, "move" | "end" | "release">;
  readonly clock: Clock;
  readonly log: Log;
  /** The task has new events. */
  told(): void;
  /** What goes with its end, in the same transaction. */
  ending(task: Task, transaction: Transaction): Promise<void>;
}

/** What is written down of one task while it runs. Each change is refused once the task is another run's. */
export class TaskBook {
  /** As it was written last. */
  task: Task;
  #progressAt = Number.NEGATIVE_INFINITY;
  #progressEvents = 0;

  constructor(
    readonly ports: BookPorts,
    readonly right: Right,
    task: Task,
  ) {
    this.task = task;
  }

  /** @throws LetGo when the task is another run's, or the ledger cannot be asked whether it is */
  async move(change: TaskChange): Promise<void> {
    const { ledger, told } = this.ports;
    const isOurs = await this.#tries(WRITE_TRIES, () => ledger.move(this.right, change));
    if (isOurs !== true) throw new LetGo();
    const { state, vendor, vendorModel, progress } = change;
    this.task = {
      ...this.task,
      state,
      startedAt: this.task.startedAt ?? this.ports.clock.now(),
      ...(vendor === undefined ? {} : { vendor: vendor as Task["vendor"] }),
      ...(vendorModel === undefined ? {} : { vendorModel }),
      ...(progress === undefined ? {} : { progress }),
    };
    if (change.event !== undefined) told();
  }

  /** Tells how far a job is, in steps that somebody could want to see. */
  async progress(progress: number | undefined): Promise<void> {
    if (progress === undefined) return;
    const now = this.ports.clock.monotonic();
    const before = this.task.progress ?? 0;
    if (progress < before + PROGRESS_STEP || now - this.#progressAt < PROGRESS_PAUSE_MS) return;
    if (this.#progressEvents >= MOST_PROGRESS_EVENTS) return;
    this.#progressAt = now;
    this.#progressEvents += 1;
    await this.move({ state: "running", progress, event: { state: "running", progress } });
  }

  /** The task's end. Where the ledger takes it only from another run, nothing happens: that one's end counts. */
  async end(end: Omit<TaskEnd, "event" | "expiresAt">): Promise<void> {
    const { ledger, clock, log, told, ending } = this.ports;
    const now = clock.now();
    const expiresAt = now + TASK_KEPT_MS;
    const { state, error, result, usage, cost } = end;
    const task: Task = {
      ...this.task,
      state,
      error,
      result,
      usage,
      cost,
      endedAt: now,
      expiresAt,
      progress: state === "succeeded" ? 1 : this.task.progress,
    };
    const event: JsonObject = { state };
    const isOurs = await this.#tries(END_TRIES, () =>
      ledger.end(this.right, { ...end, event, expiresAt }, (transaction) => ending(task, transaction)),
    );
    if (isOurs === true) {
      this.task = task;
      told();
    } else if (isOurs === false) log.warn("a task ended too late: it was run again", { task: this.right.id });
    else
      log.error("a task's end could not be written; another run of it will end it", { task: this.right.id });
  }

  /** Whoever looks next goes on with it. */
  async letGo(): Promise<void> {
    if (hasEnded(this.task.state)) return;
    await this.ports.ledger.release(this.right).catch(() => {}); // its lease ends by itself
  }

  async #tries(most: number, write: () => Promise<boolean>): Promise<boolean | undefined> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await write();
      } catch (thrown) {
        this.ports.log.warn("a task could not be written", { task: this.right.id, cause: String(thrown) });
        if (tries >= most) return undefined;
        await sleep(this.ports.clock, WRITE_PAUSE_MS);
      }
    }
  }
}
