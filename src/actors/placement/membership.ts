import type { Bus, Subscription } from "../../bus/bus.ts";
import type { Cancel, Clock } from "../../core/clock.ts";
import type { NodeId } from "../../core/ids.ts";

/** Which nodes seem to be alive. A hint: what must be right is decided by leases. */
export interface Membership {
  /** This node among them, unless it is leaving. */
  live(): ReadonlySet<NodeId>;
  /** The most nodes that were alive at once lately: those that are out of reach may still be serving. */
  expected(): number;
  /** Monotonic time since which the same nodes are alive. */
  stableSince(): number;
  /** Tells the others that this node shall get nothing more. */
  leave(): void;
  close(): void;
}

export interface MembershipOptions {
  readonly node: NodeId;
  readonly bus: Bus;
  readonly clock: Clock;
}

interface Alive {
  readonly node: NodeId;
  readonly isLeaving: boolean;
}

const SUBJECT = "node.alive";
const BEAT_MS = 1_000;
/** Five beats: a garbage collection or a reconnect is no death. */
const SILENT_MS = 5_000;
/** A node that was lost for this long does not come back soon. */
const LATELY_MS = 600_000;
/** Far above any cluster; a bound against nonsense on the bus. */
const MOST_NODES = 1_024;

export function createMembership({ node, bus, clock }: MembershipOptions): Membership {
  const heard = new Map<NodeId, number>();
  let isLeaving = false;
  let live: ReadonlySet<NodeId> = new Set([node]);
  let stableSince = clock.monotonic();
  let peak = { size: 1, at: stableSince };

  const tell = (): void => bus.publish(SUBJECT, { node, isLeaving } satisfies Alive);
  const refresh = (): void => {
    const now = clock.monotonic();
    for (const [one, at] of heard) if (now - at >= SILENT_MS) heard.delete(one);
    const present = new Set([...(isLeaving ? [] : [node]), ...heard.keys()]);
    if (present.size >= peak.size || now - peak.at >= LATELY_MS) peak = { size: present.size, at: now };
    if (present.size === live.size && [...present].every((one) => live.has(one))) return;
    live = present;
    stableSince = now;
  };
  const hear = (message: Alive): void => {
    if (message.node === node) return;
    const isNew = !heard.has(message.node);
    if (message.isLeaving) heard.delete(message.node);
    else if (!isNew || heard.size < MOST_NODES) heard.set(message.node, clock.monotonic());
    refresh();
    // Who has just come shall not wait a beat to know who is here.
    if (isNew && !message.isLeaving) tell();
  };

  // Only memberships write on this subject.
  const subscription: Subscription = bus.subscribe(SUBJECT, (message) => hear(message as Alive));
  const cancel: Cancel = clock.every(BEAT_MS, () => {
    refresh();
    tell();
  });
  tell();
  return {
    live: () => live,
    expected: () => Math.max(1, peak.size),
    stableSince: () => stableSince,
    leave() {
      isLeaving = true;
      refresh();
      tell();
    },
    close() {
      cancel();
      subscription.close();
    },
  };
}
