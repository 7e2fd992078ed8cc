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

export const MISCHIEFS = {
  "kill node": { of: "node", least: 1_500, most: 6_000 },
  "pause node": { of: "node", least: 1_000, most: 14_000 },
  "cut node from NATS": { of: "node", least: 3_000, most: 25_000 },
  "cut node from Postgres": { of: "node", least: 1_000, most: 15_000 },
  "stall node's Postgres": { of: "node", least: 1_000, most: 8_000 },
  "kill NATS server": { of: "nats", least: 1_500, most: 8_000 },
  "pause NATS server": { of: "nats", least: 1_000, most: 8_000 },
} as const satisfies Readonly<Record<string, { of: "node" | "nats"; least: number; most: number }>>;
export type MischiefKind = keyof typeof MISCHIEFS;

/** One of these is always there: the longest cut that a cluster must bear. */
const LONG_CUT_MS = 60_000;
const NODES = 3;
const FIRST_MS = 3_000;
const LEAST_GAP_MS = 500;
const MORE_GAP_MS = 3_500;
/** NATS servers in trouble at once: two of three leave no majority, which happens, too. */
const MOST_NATS = 2;

/** A plan by seed: never two troubles for one part at a time, everything over before `durationMs`. */
export function planMischief(random: Random, durationMs: number): readonly Mischief[] {
  const plan: Mischief[] = [];
  if (durationMs > LONG_CUT_MS + 2 * FIRST_MS) {
    const target = Math.floor(random.next() * NODES);
    plan.push({ kind: "cut node from NATS", target, from: FIRST_MS, until: FIRST_MS + LONG_CUT_MS });
  }
  const kinds = Object.keys(MISCHIEFS) as MischiefKind[]; // an object's own keys
  let at = FIRST_MS;
  while (at < durationMs) {
    at += LEAST_GAP_MS + random.next() * MORE_GAP_MS;
    const kind = kinds[Math.floor(random.next() * kinds.length)] ?? "kill node";
    const { least, most } = MISCHIEFS[kind];
    const until = at + least + random.next() * (most - least);
    const one = { kind, target: Math.floor(random.next() * NODES), from: at, until };
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
  return together.every(({ target, kind }) => target !== one.target || isOther(kind, one.kind));
}

/** A node that is cut off from one thing may be killed, paused or cut off from another. */
const isOther = (a: MischiefKind, b: MischiefKind): boolean => {
  const network = ["cut node from NATS", "cut node from Postgres"];
  if (a === b) return false;
  if (network.includes(a) && network.includes(b)) return true;
  return a === "cut node from NATS" || b === "cut node from NATS";
};
