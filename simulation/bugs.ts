import type { Consumption, MessageLog } from "../src/bus/message-log.ts";
import { unpackPayload } from "../src/bus/payload.ts";
import type { Position } from "../src/ledger/spool/position.ts";
import type { Spool } from "../src/ledger/spool/spool.ts";

/** Mistakes that somebody could make, to see that the simulator finds them. */
export const BUG_NAMES = [
  "skip the deadline",
  "skip the recall",
  "acknowledge before commit",
  "delete the spool on the log's ack",
  "trust a duplicate",
] as const;
export type BugName = (typeof BUG_NAMES)[number];

/** Where production takes something from outside, a planted bug puts something wrong in its place. */
export interface Bugs {
  /** What a node believes a shard's value lives; the store knows better. */
  readonly believedAgeMs: number | undefined;
  swallows(subject: string): boolean;
  log(right: MessageLog, spool: Spool): MessageLog;
}

/** Far longer than the store keeps it: an owner goes on as if it never had to renew. */
const WRONG_AGE_MS = 40_000;

export function plant(bug: BugName | undefined): Bugs {
  return {
    believedAgeMs: bug === "skip the deadline" ? WRONG_AGE_MS : undefined,
    swallows: (subject) => bug === "skip the recall" && subject.endsWith(".recall"),
    log(right, spool) {
      switch (bug) {
        case "acknowledge before commit":
          return { ...right, maxBytes: right.maxBytes, consume: acknowledgingEarly(right) };
        case "delete the spool on the log's ack":
          return { ...right, maxBytes: right.maxBytes, append: releasingEarly(right, spool) };
        case "trust a duplicate":
          return { ...right, maxBytes: right.maxBytes, append: believingDuplicates(right) };
        default:
          return right;
      }
    },
  };
}

/** The message is gone when the handler has only begun. */
const acknowledgingEarly =
  (right: MessageLog): MessageLog["consume"] =>
  (name, subject, handler): Consumption =>
    right.consume(name, subject, async (message, deliveries) => {
      void handler(message, deliveries).catch(() => {});
    });

const releasingEarly =
  (right: MessageLog, spool: Spool): MessageLog["append"] =>
  async (subject, message) => {
    await right.append(subject, message);
    const { to } = unpackPayload(message) as { to: Position }; // a shipped batch
    spool.release(to);
  };

/** Servers remember ids for a while: what was there once is taken for being there still. */
const seen = new WeakMap<MessageLog["append"], Set<string>>();
function believingDuplicates(right: MessageLog): MessageLog["append"] {
  const ids = seen.get(right.append) ?? new Set<string>();
  seen.set(right.append, ids);
  return async (subject, message) => {
    const { to } = unpackPayload(message) as { to: Position }; // a shipped batch
    const id = `${subject} ${to.sequence}`;
    if (ids.has(id)) return;
    await right.append(subject, message);
    ids.add(id);
  };
}
