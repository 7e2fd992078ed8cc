import { SLOW_MODEL } from "./idle-memory.ts";
import type { LoadPlan } from "./load/plan.ts";

/** One kind of load. `unit` says what a request is in it. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly load: Pick<LoadPlan, "kind" | "model" | "connections" | "generations">;
  /** Of each request; for figures per token. */
  readonly tokens: number;
  /** Fewer stretches than usual do; absent: as many. */
  readonly mostRepeats?: number;
}

/**
 * 48 connections: below the 64 that Bun's fetch keeps alive to one host, so that what is measured is the path of a
 * request and not the opening of connections.
 */
const CONNECTIONS = 48;

/** And above them, where the yardstick opens connections all the time, as a gateway on `fetch` would. */
const MORE_CONNECTIONS = [256, 1_000];

const crowded = (kind: "answer" | "stream", title: string): readonly Case[] =>
  MORE_CONNECTIONS.map((connections) => ({
    id: `${kind}-${connections}`,
    title: `${title}, ${connections.toLocaleString("en-US")} at once`,
    load: { kind, model: "bench-64", connections, generations: 1 },
    tokens: 64,
    mostRepeats: 3,
  }));

export const CASES: readonly Case[] = [
  {
    id: "answer",
    title: "whole answers of 64 tokens",
    load: { kind: "answer", model: "bench-64", connections: CONNECTIONS, generations: 1 },
    tokens: 64,
  },
  {
    id: "stream",
    title: "streams of 64 tokens, as fast as they come",
    load: { kind: "stream", model: "bench-64", connections: CONNECTIONS, generations: 1 },
    tokens: 64,
  },
  {
    id: "paced",
    title: "streams of 256 tokens at 1,000 a second, 8 in a read",
    load: { kind: "stream", model: "bench-256-at-1000-by-8", connections: CONNECTIONS, generations: 1 },
    tokens: 256,
  },
  {
    id: "websocket",
    title: "WebSocket generations of 64 tokens, 6 at once on each of 8 sockets",
    load: { kind: "websocket", model: "bench-64", connections: 8, generations: 6 },
    tokens: 64,
  },
  ...crowded("answer", "whole answers"),
  ...crowded("stream", "streams as fast as they come"),
];

/** What k6 runs, at a rate that leaves room: its figures are latencies. */
export const K6_MODELS = { http: "bench-64", sse: "bench-64-at-200", websocket: "bench-64-at-200" } as const;

/** Every model that a target must serve. */
export const MODELS: readonly string[] = [
  ...new Set([...CASES.map(({ load }) => load.model), ...Object.values(K6_MODELS), SLOW_MODEL]),
];
