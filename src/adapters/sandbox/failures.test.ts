import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../core/generation.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { requestOf } from "../testing/fixtures.ts";
import { readAll, summarize } from "../testing/reading.ts";
import { send } from "../testing/sandbox-fixtures.ts";
import { createSandbox } from "./index.ts";
import { FAILURES, type Failure } from "./settings.ts";

const sandbox = createSandbox(new ManualClock());
const body = (fail: Failure, more: JsonObject = {}): JsonObject => ({
  messages: [{ role: "user", content: "hello" }],
  sandbox: { tokens_per_second: 0, verify: true, tokens: 20, fail, at: 5, ...more },
});

/** Reads a stream up to whatever ends it; what the network threw counts as its end. */
async function streamed(fail: Failure) {
  const request = requestOf("chat", { ...body(fail), stream: true });
  const reader = sandbox.openStream(request, "events");
  const bytes = (await send(sandbox, request)).body?.getReader();
  if (bytes === undefined) throw new Error("no body");
  const pieces: Uint8Array[] = [];
  let thrown: unknown;
  try {
    for (let read = await bytes.read(); !read.done; read = await bytes.read()) pieces.push(read.value);
  } catch (error) {
    thrown = error;
  }
  return { ...summarize(readAll(reader, pieces).events), thrown };
}

describe("a stream that fails in the middle", () => {
  test.each(["cut", "reset", "error", "garbage"] as const)(
    "by %s has its first tokens and no end",
    async (fail) => {
      const { text, hasEnded, failure, thrown } = await streamed(fail);
      expect(text).toBe("w1 w2 w3 w4 w5");
      expect(hasEnded).toBe(false);
      expect(thrown !== undefined).toBe(fail === "reset");
      expect(failure !== undefined).toBe(fail === "error" || fail === "garbage");
    },
  );

  test("by no_end has everything but the end", async () => {
    const { text, finish, usage, hasEnded } = await streamed("no_end");
    expect({ words: text.split(" ").length, finish, output: usage?.output, hasEnded }).toEqual({
      words: 20,
      finish: "stop",
      output: 20,
      hasEnded: false,
    });
  });

  test("by broken_off is the vendor's failure", async () => {
    expect(await streamed("broken_off")).toMatchObject({ hasEnded: false, failure: { fault: "vendor" } });
  });

  test("by stall says nothing more until it is aborted", async () => {
    const request = requestOf("chat", { ...body("stall"), stream: true });
    const abort = new AbortController();
    const bytes = (await send(sandbox, request, abort.signal)).body?.getReader();
    const first = await bytes?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toContain('" w5"');
    const next = bytes?.read().catch((thrown: unknown) => String(thrown));
    abort.abort(new Error("idle"));
    expect(await next).toBe("Error: idle");
  });
});

describe("an answer that is not streamed", () => {
  test.each(["html_200", "empty", "half", "cut", "no_end", "error", "garbage", "broken_off"] as const)(
    "is no answer with %s",
    async (fail) => {
      const request = requestOf("chat", body(fail));
      const response = await send(sandbox, request);
      expect(response.status).toBe(200);
      expect(sandbox.readAnswer(request, await response.bytes())).toMatchObject({
        ok: false,
        failure: { fault: "vendor" },
      });
    },
  );

  test.each(["refused", "reset"] as const)("is a network error with %s", async (fail) => {
    const outcome = await send(sandbox, requestOf("chat", body(fail))).catch((thrown: unknown) => thrown);
    expect(outcome).toBeInstanceOf(Error);
  });

  test.each(["hang", "stall"] as const)("never comes with %s, until it is aborted", async (fail) => {
    const abort = new AbortController();
    const outcome = send(sandbox, requestOf("chat", body(fail)), abort.signal).catch((thrown: unknown) =>
      String(thrown),
    );
    abort.abort(new Error("late"));
    expect(await outcome).toBe("Error: late");
  });
});

describe("a failure", () => {
  test("strikes only the model that is named", async () => {
    const request = requestOf("chat", body("500", { on_model: "sandbox-chat-a" }));
    expect((await send(sandbox, request, undefined, "sandbox-chat-a")).status).toBe(500);
    expect((await send(sandbox, request, undefined, "sandbox-chat-b")).status).toBe(200);
  });

  test("can be asked for by magic words", async () => {
    const messages = [{ role: "user", content: "[[sandbox fail=429]]" }];
    const response = await send(sandbox, requestOf("chat", { messages }));
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("1");
  });

  test.each(FAILURES.filter((fail) => /^[45]\d\d$/.test(fail)))(
    "%s has that status, streamed or not",
    async (fail) => {
      for (const stream of [false, true]) {
        expect((await send(sandbox, requestOf("chat", { ...body(fail), stream }))).status).toBe(Number(fail));
      }
    },
  );
});
