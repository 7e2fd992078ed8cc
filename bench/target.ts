import { type Child, startChild } from "./child.ts";

/** What is measured: something on a port that takes OpenAI's requests and passes them to the mock vendor. */
export interface Target {
  readonly name: string;
  /** Without a path. */
  readonly url: string;
  /** A client's key. */
  readonly key: string;
  /** Of chat completions; absent: OpenAI's. */
  readonly path?: string;
  /** Besides the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly pid: number;
  /** Whether it speaks `GET /v1/ws`. */
  readonly hasWebSocket: boolean;
  readonly hasExited: () => boolean;
  /** What its books say after all load; undefined where there are none. */
  checkBooks(): Promise<Books | undefined>;
  stop(): Promise<void>;
}

/** Amounts are strings of points, as the API gives them. */
export interface Books {
  readonly reconciles: boolean;
  readonly failedChecks: readonly string[];
  readonly balanceChange: string;
  readonly sumOfCosts: string;
  /** What the mock vendor served, at the configured price. */
  readonly servedByVendor: string;
  readonly agree: boolean;
}

export async function startPassThroughTarget(name: string, upstream: string): Promise<Target> {
  const child: Child = startChild(name, [process.execPath, "bench/pass-through.ts", upstream]);
  try {
    return {
      name,
      url: await child.listening(),
      key: "none",
      pid: child.pid,
      hasWebSocket: false,
      hasExited: child.hasExited,
      checkBooks: () => Promise.resolve(undefined),
      stop: () => child.stop(),
    };
  } catch (error) {
    await child.stop();
    throw error;
  }
}
