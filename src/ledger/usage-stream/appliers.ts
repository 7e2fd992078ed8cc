import type { Consumption } from "../../bus/message-log.ts";
import type { Clock } from "../../core/clock.ts";
import type { NodeId } from "../../core/ids.ts";
import { atMost } from "../at-most.ts";
import { type ApplierCounts, type ApplierOptions, startApplier } from "./applier.ts";
import { nodeOfSubject } from "./subjects.ts";

export interface AppliersOptions extends ApplierOptions {
  readonly clock: Clock;
  /** True when this process is to apply what the node used. Two that both think so do no harm, nor does none for a while. */
  readonly owns: (node: NodeId) => boolean;
  /** Nodes that run now. Those that run no more are found by what they left in the log. */
  readonly nodes: () => Iterable<NodeId>;
}

export interface Appliers {
  readonly counts: Readonly<ApplierCounts>;
  /** Nodes whose usage is applied here. */
  readonly running: readonly NodeId[];
  /** Why the log could not be asked the last time; undefined while all is well. */
  readonly lastError: unknown;
  /** Ownership moved: looks at once rather than at the next turn. */
  refresh(): Promise<void>;
  /** Takes nothing more; resolves when what was under way is booked, or after some seconds. */
  stop(): Promise<void>;
}

/** How soon a node is found that was not known, or an owner that is one no longer. */
const LOOK_MS = 2_000;

/** How long a stop waits for a batch whose answer does not come: it will be applied again, and move nothing. */
const STOP_MS = 3_000;

/** Runs an applier for each node whose usage this process is to apply. */
export function startAppliers(options: AppliersOptions): Appliers {
  const counts: ApplierCounts = {
    batchesApplied: 0,
    batchesRepeated: 0,
    batchesRefused: 0,
    messagesDropped: 0,
    recordsApplied: 0,
  };
  const running = new Map<NodeId, Consumption>();
  /** Closed, with a handler that may still run. */
  const ending = new Set<Promise<void>>();
  let isStopped = false;
  let looking: Promise<void> | undefined;
  let lastError: unknown;

  const end = (node: NodeId, applier: Consumption): void => {
    running.delete(node);
    applier.close();
    const ended = applier.ended.finally(() => ending.delete(ended));
    ending.add(ended);
  };
  const look = async (): Promise<void> => {
    const known = new Set([...running.keys(), ...options.nodes()]);
    try {
      for (const subject of await options.messages.subjects()) known.add(nodeOfSubject(subject));
      lastError = undefined;
    } catch (thrown) {
      if (lastError === undefined)
        options.log.warn("the usage stream cannot be asked whose usage it holds", { cause: String(thrown) });
      lastError = thrown;
    }
    if (isStopped) return;
    for (const node of known) {
      const applier = running.get(node);
      const isOwn = options.owns(node);
      if (isOwn && applier === undefined) running.set(node, startApplier(node, options, counts));
      else if (!isOwn && applier !== undefined) end(node, applier);
    }
  };
  const refresh = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const cancel = options.clock.every(LOOK_MS, () => void refresh());
  void refresh();
  return {
    counts,
    get running() {
      return [...running.keys()];
    },
    get lastError() {
      return lastError;
    },
    refresh,
    async stop() {
      isStopped = true;
      cancel();
      for (const [node, applier] of [...running]) end(node, applier);
      const all = Promise.all([looking, ...ending]).then(() => {});
      await atMost(options.clock, STOP_MS, all);
    },
  };
}
