import { describe, expect, test } from "bun:test";
import type { GenerationEvent } from "../core/generation.ts";
import { seededRandom } from "../core/random.ts";
import { isPlausible } from "../core/usage.ts";
import type { Adapter } from "./adapter.ts";
import { isObject } from "./json.ts";
import { openai } from "./openai/index.ts";
import { readFrames } from "./sse/event-stream.ts";
import {
  answerBytes,
  type ErrorFixture,
  endMarkerOf,
  type Fixture,
  requestOf,
  streamBytes,
  type VendorFixtures,
} from "./testing/fixtures.ts";
import { readAll, summarize } from "./testing/reading.ts";
import { OPENAI_WIRE, type Wire } from "./testing/wire.ts";

/** A key of realistic length; its pieces must not come back out of any error. */
const TEST_SECRET = "sk-test-0123456789abcdefghijKLMNOPQRSTUVwxyz";

const SPLIT_SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const MOST_CUTS = 400;

/** What every adapter must do, shown on the exchanges and errors of its vendor. */
export function conformance(adapter: Adapter, fixtures: VendorFixtures): void {
  describe(`${adapter.name} conforms`, () => {
    for (const fixture of fixtures.exchanges) {
      describe(`${fixture.name} (${fixture.origin})`, () => {
        wholeAnswerMeansWhatIsExpected(adapter, fixture);
        if (fixture.stream !== undefined) {
          streamMeansWhatIsExpected(adapter, fixture);
          splitsChangeNothing(adapter, fixture);
          passthroughIsOpenAi(adapter, fixture);
          cutsNeverEnd(adapter, fixture);
        }
      });
    }
    for (const row of fixtures.errors) errorIsJudged(adapter, row);
    brokenAnswersAreFailures(adapter);
    failingStreamsFail(adapter, fixtures.wire);
    callsAreAddressed(adapter, fixtures.wire);
  });
}

const requestFor = (fixture: Fixture, stream: boolean) =>
  requestOf(fixture.operation, { ...fixture.request, stream }, { stream });

function wholeAnswerMeansWhatIsExpected(adapter: Adapter, fixture: Fixture): void {
  test("a whole answer has the expected usage, finish and content", () => {
    const answer = adapter.readAnswer(requestFor(fixture, false), answerBytes(fixture), TEST_SECRET);
    if (!answer.ok) throw new Error(`not an answer: ${answer.failure.message}`);
    const { expected } = fixture;
    expect(answer.usage).toEqual(expected.usage);
    expect(answer.finishReasons).toEqual(expected.finish === undefined ? [] : [expected.finish]);
    const calls = (expected.calls ?? []).map((call) => call.name + call.arguments).join("");
    const words = (expected.text ?? "") + (expected.reasoning ?? "") + (expected.refusal ?? "") + calls;
    expect(answer.outputChars).toBe(words.length);
    expect(JSON.parse(Buffer.from(answer.body).toString("utf8"))).toEqual(answer.parsed);
  });
}

function streamMeansWhatIsExpected(adapter: Adapter, fixture: Fixture): void {
  test.each(["\n", "\r\n"] as const)("a stream with line ends %j means the same", (newline) => {
    const reader = adapter.openStream(requestFor(fixture, true), "events", TEST_SECRET);
    const { events, hasContent } = readAll(reader, [streamBytes(fixture, newline)]);
    const { text = "", reasoning = "", refusal = "", calls = [], finish, usage } = fixture.expected;
    expect(summarize(events)).toEqual({
      text,
      reasoning,
      refusal,
      calls,
      finish,
      usage,
      failure: undefined,
      hasEnded: true,
    });
    expect(hasContent).toBe(true);
    expect(events.at(-1)).toEqual({ type: "end" });
    for (const event of events) if (event.type === "usage") expect(isPlausible(event.usage)).toBe(true);
    const named = calls.map((call) => call.name + call.arguments).join("");
    expect(reader.delivered.chars).toBe((text + refusal + named).length);
    expect(reader.delivered.reasoningChars).toBe(reasoning.length);
  });
}

function splitsChangeNothing(adapter: Adapter, fixture: Fixture): void {
  test("any split of the bytes gives the same events, bytes and counts", () => {
    for (const mode of ["events", "passthrough"] as const) {
      const bytes = streamBytes(fixture, "\r\n");
      const wholeReader = adapter.openStream(requestFor(fixture, true), mode, TEST_SECRET);
      const whole = readAll(wholeReader, [bytes]);
      for (const seed of SPLIT_SEEDS) {
        const reader = adapter.openStream(requestFor(fixture, true), mode, TEST_SECRET);
        const read = readAll(reader, randomPieces(bytes, seed));
        expect(read.events).toEqual(whole.events);
        expect(Buffer.from(read.bytes).toString("utf8")).toBe(Buffer.from(whole.bytes).toString("utf8"));
        expect(reader.delivered).toEqual(wholeReader.delivered);
      }
    }
  });
}

/** Pieces of 1 to 40 bytes, or now and then larger than a frame. */
function randomPieces(bytes: Uint8Array, seed: number): Uint8Array[] {
  const random = seededRandom(seed);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + Math.floor(random.next() * (random.next() < 0.1 ? 1_000 : 40));
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function passthroughIsOpenAi(adapter: Adapter, fixture: Fixture): void {
  test("bytes that pass through are OpenAI's own form and mean the same", () => {
    const eventReader = adapter.openStream(requestFor(fixture, true), "events", TEST_SECRET);
    const parsed = readAll(eventReader, [streamBytes(fixture)]);
    const passReader = adapter.openStream(requestFor(fixture, true), "passthrough", TEST_SECRET);
    const passed = readAll(passReader, [streamBytes(fixture)]);
    expect(passed.events).toEqual(parsed.events.filter(isControl));
    expect(passReader.delivered).toEqual(eventReader.delivered);

    const shown = Buffer.from(passed.bytes).toString("utf8");
    for (const frame of readFrames(shown)) {
      expect(frame.isPlain).toBe(true);
      const chunk: unknown = JSON.parse(frame.data ?? "");
      if (!isObject(chunk)) throw new Error(`not an object: ${frame.data}`);
      expect(Array.isArray(chunk.choices)).toBe(true);
      expect(chunk.usage ?? null).toBeNull();
      expect(chunk.error).toBeUndefined();
    }
    // Read once more, as a client's own parser would: the same but for usage and the end, which the front writes.
    const again = readAll(openai.openStream(requestFor(fixture, true), "events"), [passed.bytes]);
    expect(again.events).toEqual(
      parsed.events.filter((event) => event.type !== "usage" && event.type !== "end"),
    );
  });
}

const isControl = (event: GenerationEvent): boolean =>
  event.type === "finish" || event.type === "usage" || event.type === "failure" || event.type === "end";

function cutsNeverEnd(adapter: Adapter, fixture: Fixture): void {
  test("a stream that is cut anywhere never ends normally", () => {
    const bytes = streamBytes(fixture);
    const endMarker = endMarkerOf(fixture);
    const marker = Buffer.from(bytes).lastIndexOf(endMarker) + Buffer.byteLength(endMarker);
    for (const mode of ["events", "passthrough"] as const) {
      const over = cutsOf(marker).filter((length) => {
        const reader = adapter.openStream(requestFor(fixture, true), mode, TEST_SECRET);
        const { events } = readAll(reader, [bytes.subarray(0, length)]);
        return events.some((event) => event.type === "end" || event.type === "failure");
      });
      expect(over).toEqual([]);
    }
  });
}

/** Everywhere in a short stream; in a long one at random, and everywhere near the end marker. */
function cutsOf(end: number): readonly number[] {
  if (end <= MOST_CUTS) return Array.from({ length: end }, (_, at) => at);
  const random = seededRandom(end);
  const anywhere = Array.from({ length: MOST_CUTS }, () => Math.floor(random.next() * end));
  return [...anywhere, ...Array.from({ length: 64 }, (_, at) => end - 1 - at)];
}

function errorIsJudged(adapter: Adapter, row: ErrorFixture): void {
  test(`error ${row.status} ${row.name} is the fault of ${row.fault}: ${row.code}`, () => {
    const failure = adapter.classifyError(row.status, new Headers(row.headers), row.body, TEST_SECRET);
    expect({ fault: failure.fault, code: failure.code }).toEqual({ fault: row.fault, code: row.code });
    expect(failure.retryAfterMs).toBe(row.retryAfterMs);
    expect(failure.message.length).toBeGreaterThan(0);
    expect(failure.message).not.toContain("wxyz");
  });
}

function brokenAnswersAreFailures(adapter: Adapter): void {
  const broken: readonly (readonly [what: string, body: string])[] = [
    ["nothing", ""],
    ["empty lines", "\n\n\n"],
    ["an HTML page", "<html><body>502</body></html>"],
    ["half a JSON", '{"id":"x","choices":[{"index":0,"mes'],
    ["JSON without choices", '{"id":"x","object":"chat.completion"}'],
    ["no choice at all", '{"id":"x","choices":[]}'],
    ["a choice without a message", '{"choices":[{"index":0,"finish_reason":"stop"}]}'],
    ["a JSON string", '"hello"'],
    ["a JSON array", "[1,2]"],
    ["a stream that was cut", 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'],
  ];
  test.each(broken)("a 200 with %s is the vendor's failure", (_, body) => {
    const request = requestOf("chat", { messages: [] });
    const answer = adapter.readAnswer(request, Buffer.from(body), TEST_SECRET);
    expect(answer.ok ? "ok" : answer.failure.fault).toBe("vendor");
  });

  test("a 200 with an error inside is a failure without the key in it", () => {
    const body = JSON.stringify({
      error: { message: `bad key ${TEST_SECRET}`, code: "server_error", type: "server_error" },
    });
    const answer = adapter.readAnswer(requestOf("chat", { messages: [] }), Buffer.from(body), TEST_SECRET);
    if (answer.ok) throw new Error("taken for an answer");
    expect(answer.failure.fault).toBe("vendor");
    expect(answer.failure.message).toBe("bad key ***");
  });
}

function failingStreamsFail(adapter: Adapter, wire: Wire): void {
  test.each(["events", "passthrough"] as const)(
    "an error inside a stream is a failure and the last event (%s)",
    (mode) => {
      const frames = wire.failing.map((frame) => frame.replace("$KEY", TEST_SECRET.slice(0, 20)));
      const reader = adapter.openStream(requestOf("chat", {}), mode, TEST_SECRET);
      const { events, bytes } = readAll(reader, [Buffer.from(`${frames.join("\n\n")}\n\n`)]);
      const { failure, hasEnded } = summarize(events);
      expect(failure).toMatchObject({ fault: "vendor", status: 200, message: "no ***" });
      expect(events.at(-1)?.type).toBe("failure");
      expect(hasEnded).toBe(false);
      if (mode === "events") return;
      const shown = readAll(openai.openStream(requestOf("chat", {}), "events"), [bytes]).events;
      expect(shown).toEqual([{ type: "text", choice: 0, text: "a" }]);
      // Where the wire is the client's own, what came is handed on as it came.
      if (wire === OPENAI_WIRE) expect(Buffer.from(bytes).toString("utf8")).toBe(`${frames[0]}\n\n`);
    },
  );
}

function callsAreAddressed(adapter: Adapter, wire: Wire): void {
  test("a call carries the key, the vendor's model and a wish for usage in streams", () => {
    const target = { model: "vendor-model", baseUrl: "http://vendor.test/v1", secret: TEST_SECRET };
    const messages = [{ role: "user", content: "hi" }];
    const call = adapter.buildCall(
      requestOf("chat", { model: "public-model", messages, stream: true }),
      target,
    );
    const body: unknown = JSON.parse(typeof call.body === "string" ? call.body : "");
    expect(call.url).toBe(wire.url);
    expect(call.headers[wire.keyHeader]).toBe(wire.keyPrefix + TEST_SECRET);
    expect(call.url + String(call.body)).not.toContain(TEST_SECRET);
    expect(body).toMatchObject(wire.streamed);
    const whole = adapter.buildCall(
      requestOf("chat", { messages, stream_options: { include_usage: true } }),
      target,
    );
    expect(String(whole.body)).not.toContain("stream");
  });

  test("a cap of the balance wins over the client's own limit", () => {
    const target = { model: "m", baseUrl: "http://v/v1", secret: TEST_SECRET, cappedOutputTokens: 7 };
    for (const limits of [
      {},
      { max_tokens: 100 },
      { max_completion_tokens: 100 },
      { max_tokens: 50, max_completion_tokens: 100 },
    ]) {
      const call = adapter.buildCall(requestOf("chat", { messages: [], ...limits }), target);
      const body: unknown = JSON.parse(String(call.body));
      const sent = wire.limits.map((path) => fieldAt(body, path));
      expect(sent.filter((limit) => limit !== undefined)).toEqual([7]);
    }
  });
}

const fieldAt = (body: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), body);
