import type { VendorRequest } from "./call.ts";

/** How a call ended, as the vendor saw it. Only `completed` is a whole generation. */
export type CallOutcome =
  | "running"
  | "completed"
  /** All was said, but the stream has no end marker. */
  | "unmarked"
  /** Broken off by the script: a cut, a failure inside, no answer. */
  | "broken"
  | "refused"
  /** Something else than a generation was sent, well delivered. */
  | "plain"
  /** The client left first. */
  | "aborted";

/** What one call was served. */
export interface ServedCall {
  /** From 1. */
  readonly number: number;
  readonly request: VendorRequest;
  readonly outcome: CallOutcome;
  /** Absent while nothing was sent. */
  readonly status?: number;
  /** What the vendor counts for the prompt, once it has begun to answer. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Tokens that left, reasoning left out. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** How often usage left. */
  readonly usages: number;
}

export type OpenCall = { -readonly [Name in keyof ServedCall]: ServedCall[Name] };

export interface Totals {
  readonly calls: number;
  readonly outcomes: Readonly<Record<CallOutcome, number>>;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface Account {
  /** In the order of arrival. */
  readonly calls: readonly ServedCall[];
  totals(filter?: (call: ServedCall) => boolean): Totals;
}

/** Far more than a test needs; a load test has a mock vendor of its own (`bench/mock-vendor.ts`). */
const MAX_CALLS = 100_000;

export interface Book extends Account {
  open(request: VendorRequest): OpenCall;
}

export function createBook(): Book {
  const calls: OpenCall[] = [];
  return {
    calls,
    open(request) {
      if (calls.length >= MAX_CALLS) throw new Error(`the mock vendor keeps no more than ${MAX_CALLS} calls`);
      const call: OpenCall = {
        number: calls.length + 1,
        request,
        outcome: "running",
        promptTokens: 0,
        cachedTokens: 0,
        outputTokens: 0,
        reasoningTokens: 0,
        usages: 0,
      };
      calls.push(call);
      return call;
    },
    totals: (filter = () => true) => totalsOf(calls.filter(filter)),
  };
}

function totalsOf(calls: readonly ServedCall[]): Totals {
  const count = (outcome: CallOutcome): number => calls.filter((call) => call.outcome === outcome).length;
  const sum = (name: "promptTokens" | "cachedTokens" | "outputTokens" | "reasoningTokens"): number =>
    calls.reduce((total, call) => total + call[name], 0);
  return {
    calls: calls.length,
    outcomes: {
      running: count("running"),
      completed: count("completed"),
      unmarked: count("unmarked"),
      broken: count("broken"),
      refused: count("refused"),
      plain: count("plain"),
      aborted: count("aborted"),
    },
    promptTokens: sum("promptTokens"),
    cachedTokens: sum("cachedTokens"),
    outputTokens: sum("outputTokens"),
    reasoningTokens: sum("reasoningTokens"),
  };
}
