import { type Random, seededRandom } from "../src/core/random.ts";
import type { Faults } from "./chance.ts";

/** What is done to the cluster, and when. Milliseconds of virtual time. */
export type Trouble = { readonly at: number; readonly for: number } & (
  | {
      readonly kind: "kill" | "fail power" | "pause" | "cut from NATS" | "cut from Postgres";
      readonly node: number;
    }
  | { readonly kind: "Postgres down" | "NATS stalls" | "the log is lost" }
);

export interface Scenario {
  readonly seed: number;
  readonly faults: Faults;
  readonly troubles: readonly Trouble[];
}

export const NODES = 3;
export const CHAOS_MS = 24_000;

const KINDS = [
  { kind: "kill", most: 8_000 },
  { kind: "fail power", most: 8_000 },
  { kind: "pause", most: 16_000 },
  { kind: "cut from NATS", most: 20_000 },
  { kind: "cut from Postgres", most: 8_000 },
  { kind: "Postgres down", most: 6_000 },
  { kind: "NATS stalls", most: 8_000 },
  { kind: "the log is lost", most: 0 },
] as const;
const MOST_TROUBLES = 7;

/** The same seed makes the same scenario. */
export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(seed);
  const count = Math.floor(random.next() * (MOST_TROUBLES + 1));
  const troubles = Array.from({ length: count }, () => troubleOf(random)).sort((a, b) => a.at - b.at);
  // Every third cluster has a good network: what goes wrong there has no excuse.
  const bad = seed % 3 === 0 ? 0 : random.next();
  return {
    seed,
    troubles,
    faults: {
      lose: 0.03 * bad,
      late: 0.1 * bad,
      double: 0.1 * bad,
      ambiguous: 0.03 * bad,
      refuse: 0.03 * bad,
    },
  };
}

function troubleOf(random: Random): Trouble {
  const { kind, most } = KINDS[Math.floor(random.next() * KINDS.length)] ?? KINDS[0];
  const at = Math.round(2_000 + random.next() * (CHAOS_MS - 4_000));
  const ms = Math.round(500 + random.next() * most);
  const node = Math.floor(random.next() * NODES);
  switch (kind) {
    case "Postgres down":
    case "NATS stalls":
    case "the log is lost":
      return { kind, at, for: ms };
    default:
      return { kind, at, for: ms, node };
  }
}

export const troubleText = (trouble: Trouble): string =>
  `${(trouble.at / 1_000).toFixed(1)} s: ${trouble.kind}${"node" in trouble ? ` (node ${trouble.node + 1})` : ""} for ${(trouble.for / 1_000).toFixed(1)} s`;
