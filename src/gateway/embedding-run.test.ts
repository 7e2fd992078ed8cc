import { describe, expect, test } from "bun:test";
import type { Transport } from "../adapters/adapter.ts";
import { openai } from "../adapters/openai/index.ts";
import { qwen } from "../adapters/qwen/index.ts";
import type { CallSignal } from "../core/call-signal.ts";
import type { SluiceError } from "../core/errors.ts";
import { NO_USAGE } from "../core/usage.ts";
import { SCAN_MS } from "./deadlines.ts";
import { joined, partsOf, sendParts } from "./embedding-calls.ts";
import { parseEmbedding } from "./requests/embedding.ts";
import { createRunWorld, type RunWorld, runRoute } from "./testing/run-world.ts";

const TOKENS = 5;
const texts = (count: number): string[] => Array.from({ length: count }, (_, at) => `text ${at}`);
const asking = (input: unknown, more: object = {}) => parseEmbedding({ model: "m", input, ...more }, 1_000);

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (thrown: SluiceError) => thrown.code,
  );

function inputOf(body: string | Uint8Array): readonly string[] {
  const parsed = JSON.parse(String(body)) as { readonly input: string[] }; // what our own adapter wrote
  return [parsed.input].flat();
}

const vectors = (input: readonly string[], usage: object | null = tokens(input.length)): Response =>
  Response.json({
    object: "list",
    model: "v",
    data: input.map((_, index) => ({ object: "embedding", index, embedding: [1] })),
    ...(usage === null ? {} : { usage }),
  });
const tokens = (count: number) => ({ prompt_tokens: count * TOKENS, total_tokens: count * TOKENS });

/** A vendor whose call of a text says what comes. */
function worldOf(answers: (input: readonly string[], signal: CallSignal) => Response | Promise<Response>) {
  const routes = [
    runRoute("first", qwen, { input: 1n, output: 0n }),
    runRoute("second", openai, { input: 2n, output: 0n }),
  ];
  const world = createRunWorld(qwen, routes);
  const calls: { readonly url: string; readonly texts: number }[] = [];
  const network: Transport = async ({ url, body }, signal, observer) => {
    const input = inputOf(body);
    calls.push({ url, texts: input.length });
    observer?.reached("connecting");
    observer?.reached("connected");
    observer?.reached("sent");
    return url.includes("second") ? vectors(input) : answers(input, signal);
  };
  world.network = network;
  return { world, calls };
}

function expectNothingHeld(world: RunWorld): void {
  expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
  expect(world.openCharges.count).toBe(0);
  expect(world.booked).toHaveLength(1);
}

describe("a request", () => {
  test("is cut into parts in order, of which each is held for by itself", () => {
    const parts = partsOf(asking(texts(21)), 10);
    expect(parts.map(({ body }) => body.input)).toEqual([
      texts(21).slice(0, 10),
      texts(21).slice(10, 20),
      ["text 20"],
    ]);
    expect(parts.every(({ promptTokens }) => promptTokens > 0 && promptTokens < 500)).toBe(true);
  });

  test("that fits, of tokens, of a vendor without a bound, or of another kind is one part", () => {
    for (const [request, most] of [
      [asking(texts(10)), 10],
      [asking("text"), 1],
      [asking([1, 2, 3]), 2],
      [asking([["a"], ["b"]]), 1],
      [asking(texts(500)), undefined],
    ] as const) {
      expect(partsOf(request, most)).toEqual([request]);
    }
  });
});

test("parts go one first, then four at once, and none after one that failed", async () => {
  const parts = partsOf(asking(texts(20)), 1);
  const running = new Set<number>();
  const together: number[] = [];
  const results = await sendParts(parts, async (_, index) => {
    running.add(index);
    together.push(running.size);
    await Bun.sleep(1);
    running.delete(index);
    return index < 6 ? { kind: "vectors", answer: ANSWER } : { kind: "failed", failure: FAILURE };
  });
  expect(together[0]).toBe(1);
  expect(Math.max(...together)).toBe(4);
  expect(results.size).toBeGreaterThanOrEqual(7);
  expect(results.size).toBeLessThanOrEqual(10);
});

const ANSWER = {
  ok: true,
  body: new Uint8Array(),
  parsed: { data: [{ object: "embedding", index: 0, embedding: [1] }] },
  usage: undefined,
  finishReasons: [],
  outputChars: 0,
} as const;
const FAILURE = { fault: "vendor", code: "vendor_unavailable", status: 503, message: "no" } as const;

describe("texts in several calls", () => {
  test("are charged once, by the sum of what was counted", async () => {
    const { world, calls } = worldOf((input) => vectors(input));
    const generation = await world.ask(asking(texts(95)));
    if (generation.kind !== "answer") throw new Error("no answer");
    expect(calls.map((call) => call.texts)).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
    expectNothingHeld(world);
    expect(world.booked[0]).toMatchObject({
      outcome: "completed",
      charged: BigInt(95 * TOKENS),
      loss: 0n,
      usage: { ...NO_USAGE, input: 95 * TOKENS },
      attempts: [{ vendor: "first", result: "served" }],
      flags: [],
    });
  });

  test("are estimated as a whole where one call tells nothing", async () => {
    const { world } = worldOf((input) => vectors(input, input.length === 10 ? tokens(10) : null));
    const generation = await world.ask(asking(texts(11)));
    if (generation.kind !== "answer") throw new Error("no answer");
    expect(generation.answer.parsed.usage).toBeUndefined();
    expect(world.booked[0]?.flags).toEqual(["usage_estimated"]);
    expect(world.booked[0]?.charged ?? 0n).toBeGreaterThan(0n);
  });

  test("of which one fails go to the next vendor, and what was counted in vain is a loss beside the charge", async () => {
    const { world, calls } = worldOf((input) =>
      input.includes("text 10")
        ? Response.json({ error: { message: "no" } }, { status: 503 })
        : vectors(input),
    );
    await world.ask(asking(texts(11)));
    expect(calls.map(({ url, texts: count }) => [url.includes("second"), count])).toEqual([
      [false, 10],
      [false, 1],
      [true, 11],
    ]);
    expectNothingHeld(world);
    expect(world.booked[0]).toMatchObject({
      outcome: "completed",
      vendor: "second",
      charged: BigInt(11 * TOKENS * 2),
      loss: BigInt(10 * TOKENS),
      flags: ["platform_loss"],
      attempts: [
        { vendor: "first", result: "failed", cost: BigInt(10 * TOKENS) },
        { vendor: "second", result: "served", cost: BigInt(11 * TOKENS * 2) },
      ],
    });
  });

  test("of which a vendor leaves one out are none of its answer", async () => {
    const { world } = worldOf((input) => vectors(input.slice(1)));
    await world.ask(asking(texts(11)));
    expect(world.booked[0]).toMatchObject({ vendor: "second", attempts: [{ vendorCode: "no_result" }, {}] });
  });

  test("of a client that leaves are charged as far as the vendor has read them", async () => {
    const leave = new AbortController();
    const { world, calls } = worldOf((input, signal) => {
      if (!input.includes("text 10")) return vectors(input);
      const gone = Promise.withResolvers<Response>();
      signal.addEventListener("abort", () => gone.reject(new DOMException("aborted", "AbortError")));
      queueMicrotask(() => {
        leave.abort();
        void world.clock.advance(SCAN_MS);
      });
      return gone.promise;
    });
    expect(await codeOf(world.ask(asking(texts(11)), { signal: leave.signal }))).toBe("request_cancelled");
    expectNothingHeld(world);
    expect(calls).toHaveLength(2);
    const [booked] = world.booked;
    expect(booked).toMatchObject({ outcome: "cancelled", loss: 0n });
    // The first ten as counted, the last one by a guess.
    expect(booked?.charged ?? 0n).toBeGreaterThan(BigInt(10 * TOKENS));
    expect(booked?.charged ?? 0n).toBeLessThan(BigInt(20 * TOKENS));
  });

  test("that are larger together than an answer may be are none", () => {
    const parts = partsOf(asking(texts(2)), 1);
    const body = { byteLength: 100 * 1024 * 1024 } as Uint8Array; // only its length is looked at
    const answer = { ...ANSWER, body };
    const results = new Map([0, 1].map((at) => [at, { kind: "vectors", answer } as const]));
    expect(joined(parts, results)).toMatchObject({ ok: false, failure: { vendorCode: "answer_too_large" } });
  });
});
