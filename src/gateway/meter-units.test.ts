import { describe, expect, test } from "bun:test";
import { qwen } from "../adapters/qwen/index.ts";
import { micropointsOf } from "../core/points.ts";
import type { Tariff } from "../core/price.ts";
import { NO_USAGE } from "../core/usage.ts";
import { meter, NOTHING_DELIVERED } from "./meter.ts";
import { mostUse } from "./most-use.ts";
import { parseModeration } from "./requests/moderation.ts";
import { parseRerank } from "./requests/rerank.ts";
import { parseSpeech } from "./requests/speech.ts";
import { parseTranscription } from "./requests/transcription.ts";
import { routeOf } from "./testing/fixtures.ts";

const priced = (rates: object): Tariff => ({ kind: "metered", input: ZERO, output: ZERO, ...rates });
const ZERO = micropointsOf(0n);
const points = (amount: number) => micropointsOf(BigInt(amount * 1_000_000));

const SPEECH = parseSpeech({ model: "m", voice: "v", input: "Hello there, 你好" });
const FILE = { name: "a.mp3", contentType: "audio/mpeg", bytes: new Uint8Array(16_000) };
const HEARD = parseTranscription({ model: "m" }, "transcription", FILE);
const metered = (tariff: Tariff, request: typeof SPEECH, told?: object) =>
  meter(tariff, request, told && { ...NO_USAGE, ...told }, NOTHING_DELIVERED, "completed");

describe("speech", () => {
  test("is charged by characters without anybody telling", () => {
    expect(metered(priced({ characters: points(15) }), SPEECH)).toEqual({
      usage: { ...NO_USAGE, characters: 15 },
      cost: micropointsOf(225n),
      isBillable: true,
      flags: [],
    });
  });

  test("is charged by the tokens that were told, its characters beside them", () => {
    const { usage, cost, flags } = metered(priced({ output: points(12) }), SPEECH, {
      input: 5,
      audioOutput: 30,
    });
    expect([usage.characters, cost, flags]).toEqual([15, micropointsOf(360n), []]);
  });

  test("that was priced by tokens of which nobody tells costs what is likely, within its hold", () => {
    const tariff = priced({ output: points(12) });
    const { cost, usage, flags } = metered(tariff, SPEECH);
    expect(flags).toEqual(["usage_estimated"]);
    expect(cost).toBeGreaterThan(0n);
    expect(usage.audioOutput ?? 0).toBeLessThan(SPEECH.maxOutputTokens ?? 0);
  });

  test("is charged and held for as a vendor counts that counts characters in its own way", () => {
    const tariff = priced({ characters: points(15) });
    const { usage, cost, flags } = metered(tariff, SPEECH, { characters: 17 });
    expect([usage.characters, cost, flags]).toEqual([17, micropointsOf(255n), []]);
    const route = { ...routeOf("v", { input: 1n, output: 1n }), adapter: qwen };
    expect(mostUse(SPEECH, route, 0).characters).toBe(17);
  });

  test("that is free is free, and says what it was", () => {
    expect(metered({ kind: "free" }, SPEECH)).toMatchObject({
      cost: 0n,
      usage: { characters: 15 },
      flags: [],
    });
  });

  test("is held for by its characters, and by the slowest voice", () => {
    const use = mostUse(SPEECH, routeOf("v", { input: 1n, output: 1n }), 0);
    expect(use.characters).toBe(15);
    const slow = parseSpeech({ model: "m", voice: "v", input: "Hello", speed: 0.25 });
    const usual = parseSpeech({ model: "m", voice: "v", input: "Hello", speed: 4 });
    expect(slow.maxOutputTokens ?? 0).toBeGreaterThan(usual.maxOutputTokens ?? 0);
  });
});

describe("a transcript", () => {
  test("is charged by the unit that was told", () => {
    expect(metered(priced({ second: micropointsOf(100n) }), HEARD, { seconds: 3 })).toMatchObject({
      cost: 300n,
      flags: [],
    });
  });

  test("of which the other unit was told, or none, costs what is likely, and never nothing", () => {
    const bySecond = priced({ second: micropointsOf(100n) });
    expect(metered(bySecond, HEARD, { audioInput: 30, output: 9 })).toMatchObject({
      cost: 200n,
      flags: ["usage_estimated"],
    });
    expect(metered(bySecond, HEARD)).toMatchObject({ cost: 200n, flags: ["usage_estimated"] });
    expect(metered(bySecond, HEARD, { seconds: -1 })).toMatchObject({
      cost: 200n,
      flags: ["usage_implausible"],
    });
  });

  test("is held for by the longest that the recording can be", () => {
    expect(mostUse(HEARD, routeOf("v", { input: 1n, output: 1n }), 0).seconds).toBe(16);
  });
});

describe("a vendor that counts more than there can be empties no balance", () => {
  const rates = priced({ input: points(1), output: points(12), characters: points(15), second: points(1) });
  const ranked = parseRerank({ model: "m", query: "q", documents: ["a", "b"] });
  test.each<[string, typeof SPEECH, object]>([
    ["seconds", HEARD, { seconds: 1e9 }],
    ["tokens of sound", HEARD, { audioInput: 1e10, output: 1 }],
    ["sound that was made", SPEECH, { input: 5, audioOutput: 1e10 }],
    ["characters", SPEECH, { characters: 1e10 }],
    ["what it has read", ranked, { input: 1e10 }],
  ])("%s", (_, request, told) => {
    const { flags, cost } = metered(rates, request, told);
    expect(flags).toEqual(["usage_implausible"]);
    expect(cost).toBe(metered(rates, request).cost);
  });
});

describe("what only reads", () => {
  test("costs its call without a flag, since nothing was estimated", () => {
    const request = parseModeration({ input: "hi" }, 20);
    expect(request.model).toBe("omni-moderation-latest");
    expect(metered(priced({ call: points(1) }), request)).toMatchObject({ cost: 1_000_000n, flags: [] });
    expect(metered({ kind: "free" }, request)).toMatchObject({ cost: 0n, flags: [] });
  });

  test("holds for the query once for each document", () => {
    const tokens = (documents: string[]) =>
      parseRerank({ model: "m", query: "q".repeat(100), documents }).promptTokens;
    expect(tokens(["a", "b", "c"]) - tokens(["a", "b"])).toBeGreaterThan(50);
  });
});
