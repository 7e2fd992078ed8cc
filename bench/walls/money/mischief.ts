import type { Random } from "../../../src/core/random.ts";

/** What is done to the cluster, to which part of it. */
export interface Mischief {
  readonly kind: MischiefKind;
  /** Node or NATS server, counted from 0. */
  readonly target: number;
  /** Milliseconds from the start. */
  readonly from: number;
  readonly until: number;
}

/** How long each lasts. A reset is over at once. */
export const MISCHIEFS = {
  "kill node": { of: "node", least: 1_500, most: 6_000 },
  "pause node": { of: "node", least: 1_000, most: 14_000 },
  "cut node from NATS": { of: "node", least: 3_000, most: 25_000 },
  "cut node from Postgres": { of: "node", least: 1_000, most: 15_000 },
  "stall node's NATS": { of: "node", least: 1_000, most: 8_000 },
  "stall node's Postgres": { of: "node", least: 1_000, most: 8_000 },
  "reset node's connections": { of: "node", least: 1, most: 2 },
  "kill NATS server": { of: "nats", least: 1_500, most: 8_000 },
  "pause NATS server": { of: "nats", least: 1_000, most: 8_000 },
} as const satisfies Readonly<Record<string, { of: "node" | "nats"; least: number; most: number }>>;
export type MischiefKind = keyof typeof MISCHIEFS;

const ALL = Object.keys(MISCHIEFS) as readonly MischiefKind[]; // an object's own keys
const WITHOUT_NATS = ALL.filter((kind) => !kind.includes("NATS"));

/** One of these is always there: the longest cut that a cluster must bear. */
const LONG_CUT_MS = 60_000;
const FIRST_MS = 3_000;
const LEAST_GAP_MS = 500;
const MORE_GAP_MS = 3_500;
/** NATS servers in trouble at once: two of three leave no majority, which happens, too. */
const MOST_NATS = 2;
const NATS_SERVERS = 3;

/**
 * A plan by seed: never two troubles of one sort for one part at a time, everything over before `durationMs`.
 * @param nodes one alone has no NATS that could be away
 */
export function planMischief(random: Random, durationMs: number, nodes = 3): readonly Mischief[] {
  const kinds = nodes === 1 ? WITHOUT_NATS : ALL;
  const pick = (count: number): number => Math.floor(random.next() * count);
  const plan: Mischief[] = [];
  if (durationMs > LONG_CUT_MS + 2 * FIRST_MS) {
    const isNats = nodes > 1 && random.next() < 0.7;
    const kind = isNats ? "cut node from NATS" : "cut node from Postgres";
    plan.push({ kind, target: pick(nodes), from: FIRST_MS, until: FIRST_MS + LONG_CUT_MS });
  }
  let at = FIRST_MS;
  while (at < durationMs) {
    at += LEAST_GAP_MS + random.next() * MORE_GAP_MS;
    const kind = kinds[pick(kinds.length)] ?? "kill node";
    const { least, most, of } = MISCHIEFS[kind];
    const until = at + least + random.next() * (most - least);
    const one = { kind, target: pick(of === "node" ? nodes : NATS_SERVERS), from: at, until };
    if (until < durationMs && isPossible(plan, one)) plan.push(one);
  }
  return plan.sort((a, b) => a.from - b.from);
}

function isPossible(plan: readonly Mischief[], one: Mischief): boolean {
  const { of } = MISCHIEFS[one.kind];
  const together = plan.filter(
    (other) => MISCHIEFS[other.kind].of === of && other.from < one.until && one.from < other.until,
  );
  if (of === "nats" && together.length >= MOST_NATS) return false;
  return together.every(({ target, kind }) => target !== one.target || areIndependent(kind, one.kind));
}

/** What a trouble takes hold of: two of one node are possible when they have hold of different things. */
const HOLDS: Readonly<Record<MischiefKind, string>> = {
  "kill node": "process",
  "pause node": "process",
  "cut node from NATS": "to NATS",
  "stall node's NATS": "to NATS",
  "cut node from Postgres": "to Postgres",
  "stall node's Postgres": "to Postgres",
  "reset node's connections": "connections",
  "kill NATS server": "server",
  "pause NATS server": "server",
};

/** A node that must start again needs its Postgres: without it that start is merely slow, and proves nothing. */
function areIndependent(a: MischiefKind, b: MischiefKind): boolean {
  const [one, other] = [HOLDS[a], HOLDS[b]];
  if (one === other) return false;
  const both = [one, other];
  return !(both.includes("process") && both.includes("to Postgres"));
}
