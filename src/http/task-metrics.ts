import { Counter, Gauge, type Registry } from "prom-client";

/** What a node knows of its tasks. */
export interface TaskSource {
  /** Tasks that run on this node. */
  readonly running: number;
  /** What became of tasks here, by what it was. */
  readonly steps: ReadonlyMap<string, number>;
}

/** Metrics of this node's tasks, read when they are asked for. */
export function addTasks(registry: Registry, source: TaskSource): void {
  new Gauge({
    name: "running_tasks",
    help: "Tasks that run on this node, those that wait for a vendor included.",
    registers: [registry],
    collect() {
      this.set(source.running);
    },
  });
  new Counter({
    name: "task_total",
    help: "Tasks on this node. accepted; claimed: gone on with after another node; let_go: left to another node; succeeded, failed, cancelled: ended; may_have_run: failed, though a vendor may have done it.",
    labelNames: ["step"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [step, count] of source.steps) this.inc({ step }, count);
    },
  });
}
