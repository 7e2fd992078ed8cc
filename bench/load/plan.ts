import type { Percentiles } from "../statistics.ts";

/**
 * What a generator does: closed loops, each asking again as soon as it is answered; with a rate, requests that start at
 * their time, whatever became of earlier ones.
 */
export interface LoadPlan {
  /** Without a path. */
  readonly url: string;
  readonly key: string;
  /** Of chat completions; absent: OpenAI's. Not for `websocket`. */
  readonly path?: string;
  /** Besides the usual ones. Not for `websocket`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly kind: "answer" | "stream" | "websocket";
  /** `bench-64` and the like: the number is how many tokens must arrive. */
  readonly model: string;
  readonly connections: number;
  /** At once on one connection; only for `websocket`. */
  readonly generations: number;
  /** At most; absent: until the time is over. */
  readonly requests?: number;
  /** Starts a second; absent: closed loops. Not for `websocket`. */
  readonly rate?: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** Whole and right. */
  readonly requests: number;
  /** By what was wrong. */
  readonly errors: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** From the request's first byte out, or the time at which it was due, to the answer's last byte in. */
  readonly latency: Percentiles;
  /** To the first byte of the body, or the first delta. */
  readonly first: Percentiles;
}

export const tokensOf = (model: string): number => Number(/^bench-(\d+)/.exec(model)?.[1] ?? 0);

export const chatBody = (model: string, stream: boolean): object => ({
  model,
  messages: [{ role: "user", content: "How does a sluice work? Answer in a few words." }],
  max_tokens: tokensOf(model),
  ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
});
