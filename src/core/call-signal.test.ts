import { describe, expect, test } from "bun:test";
import { abortSignalOf, CallAbort, type CallSignal } from "./call-signal.ts";

const nameOf = (reason: unknown): string => (reason instanceof Error ? reason.name : String(reason));

describe("a call's signal", () => {
  test("is told once, to whoever listens then, with an AbortError", () => {
    const abort = new CallAbort();
    const told: string[] = [];
    const gone = () => told.push("gone");
    abort.addEventListener("abort", () => told.push("function"));
    abort.addEventListener("abort", { handleEvent: () => told.push("object") });
    abort.addEventListener("abort", gone);
    abort.removeEventListener("abort", gone);
    expect(() => abort.throwIfAborted()).not.toThrow();
    abort.abort();
    abort.abort();
    expect(told).toEqual(["function", "object"]);
    expect([abort.aborted, nameOf(abort.reason)]).toEqual([true, "AbortError"]);
    expect(() => abort.throwIfAborted()).toThrow("aborted");
  });

  test("stands for the platform's own, and becomes one for `fetch`", async () => {
    const own: CallSignal = new AbortController().signal;
    expect(abortSignalOf(own) as unknown).toBe(own);
    const abort = new CallAbort();
    const signal = abortSignalOf(abort);
    const hanging = Bun.serve({ port: 0, fetch: () => new Promise<Response>(() => {}) });
    const calling = fetch(hanging.url, { signal }).catch(nameOf);
    abort.abort();
    expect(await calling).toBe("AbortError");
    expect(abortSignalOf(abort).aborted).toBe(true);
    await hanging.stop(true);
  });
});
