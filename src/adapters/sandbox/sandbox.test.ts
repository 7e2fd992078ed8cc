import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../core/generation.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import type { Adapter, Passage } from "../adapter.ts";
import { requestOf } from "../testing/fixtures.ts";
import { readAll, type Summary, summarize } from "../testing/reading.ts";
import { send } from "../testing/sandbox-fixtures.ts";
import { createSandbox } from "./index.ts";

const HELLO = [{ role: "user", content: "hello" }];
const WEATHER = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
};
const sandbox = createSandbox(new ManualClock());

/** One chat, unpaced, whole. */
async function whole(body: JsonObject, settings: JsonObject = {}): Promise<JsonObject> {
  const request = requestOf("chat", {
    messages: HELLO,
    ...body,
    sandbox: { tokens_per_second: 0, ...settings },
  });
  const answer: JsonObject = JSON.parse(await (await send(sandbox, request)).text());
  return answer;
}

/** One chat, unpaced, streamed. */
async function streamed(body: JsonObject, settings: JsonObject = {}): Promise<Summary> {
  const all = { messages: HELLO, ...body, stream: true, sandbox: { tokens_per_second: 0, ...settings } };
  const response = await send(sandbox, requestOf("chat", all));
  const bytes = await response.bytes();
  return summarize(readAll(sandbox.openStream(requestOf("chat", all), "events"), [bytes]).events);
}

describe("the sandbox answers", () => {
  test("the same for the same prompt, and otherwise for another", async () => {
    const first = await whole({});
    const again = await whole({});
    expect(again.choices).toEqual(first.choices);
    expect((await whole({ messages: [{ role: "user", content: "other" }] })).choices).not.toEqual(
      first.choices,
    );
  });

  test("with numbered words when they are to be verified", async () => {
    const { text, usage } = await streamed({}, { verify: true, tokens: 5 });
    expect(text).toBe("w1 w2 w3 w4 w5");
    expect(usage).toMatchObject({ input: 5, output: 5 });
  });

  test("by magic words too", async () => {
    const content = "go [[sandbox verify tokens=3 tokens_per_second=0]]";
    const { text } = await streamed({ messages: [{ role: "user", content }] });
    expect(text).toBe("w1 w2 w3");
  });

  test("no further than the limit", async () => {
    const { text, finish, usage } = await streamed({ max_tokens: 2 }, { verify: true });
    expect({ text, finish, output: usage?.output }).toEqual({ text: "w1 w2", finish: "length", output: 2 });
  });

  test("no further than a stop sequence", async () => {
    const { text, finish } = await streamed({ stop: ["w4", "3"] }, { verify: true, tokens: 9 });
    expect({ text, finish }).toEqual({ text: "w1 w2 w", finish: "stop" });
  });

  test("n times, each in its own words", async () => {
    const { choices, usage } = await whole({ n: 3 }, { tokens: 10 });
    const texts = Array.isArray(choices) ? choices.map((choice) => choice.message.content) : [];
    expect(new Set(texts).size).toBeGreaterThan(1);
    expect(usage).toMatchObject({ completion_tokens: 30 });
  });

  test("with reasoning when effort is asked for", async () => {
    const { reasoning, usage } = await streamed({ reasoning_effort: "low" });
    expect(reasoning.trim().split(" ")).toHaveLength(8);
    expect(usage?.reasoning).toBe(8);
  });

  test("going on where an assistant's message stops", async () => {
    const messages = [...HELLO, { role: "assistant", content: "w1 w2 w" }];
    const { text, usage } = await streamed({ messages }, { verify: true, tokens: 5 });
    expect(text).toBe("3 w4 w5");
    expect(usage?.output).toBe(3);
  });

  test("with valid JSON where JSON is asked for", async () => {
    const object = await whole({ response_format: { type: "json_object" } });
    expect(JSON.parse(contentOf(object))).toBeObject();
    const schema = {
      type: "object",
      properties: { n: { type: "integer", minimum: 3 }, e: { enum: ["x", "y"] } },
      required: ["n", "e"],
    };
    const fitted = await whole({
      response_format: { type: "json_schema", json_schema: { name: "s", schema } },
    });
    expect(JSON.parse(contentOf(fitted))).toEqual({ n: 3, e: "x" });
  });

  test("with log probabilities for every token", async () => {
    const answer = await whole({ logprobs: true, top_logprobs: 2 }, { verify: true, tokens: 3 });
    expect(answer.choices).toMatchObject([
      { logprobs: { content: [{ token: "w1" }, { token: " w2" }, { token: " w3" }] } },
    ]);
  });
});

const contentOf = (answer: JsonObject): string =>
  Array.isArray(answer.choices) ? String(answer.choices[0].message.content) : "";

describe("the sandbox calls tools", () => {
  test.each([
    [{ tool_choice: "required" }, {}, 1],
    [{ tool_choice: { type: "function", function: { name: "weather" } } }, {}, 1],
    [{ messages: [{ role: "user", content: "please use a tool" }] }, {}, 1],
    [{ messages: [{ role: "user", content: "ask weather about Paris" }] }, {}, 1],
    [{}, { calls: 3 }, 3],
    [{ parallel_tool_calls: false }, { calls: 3 }, 1],
    [{ tool_choice: "none" }, { calls: 3 }, 0],
    [{}, {}, 0],
  ])("%j with %j: %p", async (body, settings, count) => {
    const { calls, finish } = await streamed({ tools: [WEATHER], ...body }, settings);
    expect(calls).toHaveLength(count);
    expect(finish).toBe(count > 0 ? "tool_calls" : "stop");
    expect(new Set(calls.map((call) => call.id)).size).toBe(count);
    for (const call of calls) expect(JSON.parse(call.arguments)).toEqual({ city: "sandbox" });
  });

  test("and answers once it has the result", async () => {
    const call = { id: "c1", type: "function", function: { name: "weather", arguments: "{}" } };
    const messages = [
      ...HELLO,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "c1", content: "18 degrees" },
    ];
    const { text, calls } = await streamed({ messages, tools: [WEATHER], tool_choice: "required" });
    expect(calls).toEqual([]);
    expect(text).toContain("18 degrees");
  });
});

describe("the sandbox's other operations", () => {
  test("completions answer each prompt and can be short", async () => {
    const body = {
      prompt: ["a", "b"],
      max_tokens: 2,
      echo: true,
      sandbox: { tokens_per_second: 0, verify: true },
    };
    const answer: JsonObject = JSON.parse(await (await send(sandbox, requestOf("completion", body))).text());
    expect(answer).toMatchObject({
      object: "text_completion",
      choices: [{ text: "aw1 w2" }, { text: "bw1 w2" }],
    });
  });

  test("embeddings are unit vectors, the same for the same text, in both encodings", async () => {
    const embed = async (body: JsonObject): Promise<JsonObject> =>
      JSON.parse(
        await (
          await send(sandbox, requestOf("embedding", { ...body, sandbox: { first_token_ms: 0 } }))
        ).text(),
      );
    const { data, usage } = await embed({ input: ["a", "b", "a"], dimensions: 8 });
    const vectors: number[][] = Array.isArray(data) ? data.map((item) => item.embedding) : [];
    expect(vectors[0]).toEqual(vectors[2]);
    expect(vectors[0]).not.toEqual(vectors[1]);
    for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    const packed = await embed({ input: "a", dimensions: 8, encoding_format: "base64" });
    const decoded = sandbox.readAnswer(
      requestOf("embedding", { input: "a" }),
      Buffer.from(JSON.stringify(packed)),
    );
    expect(decoded.ok && decoded.parsed.data).toMatchObject([{ embedding: vectors[0] }]);
  });

  test("a model that is not the sandbox's is refused", async () => {
    const response = await send(sandbox, requestOf("chat", { messages: HELLO }), undefined, "gpt-4o");
    const failure = sandbox.classifyError(response.status, response.headers, await response.text(), "");
    expect(failure).toMatchObject({ fault: "config", status: 404, param: "model" });
  });
});

describe("the sandbox's pace", () => {
  /** A reader of a paced stream that notes how many content frames had come when. */
  async function paced(adapter: Adapter, settings: JsonObject) {
    const body = { messages: HELLO, stream: true, sandbox: { verify: true, ...settings } };
    const abort = new AbortController();
    const response = await send(adapter, requestOf("chat", body), abort.signal);
    const reader = adapter.openStream(requestOf("chat", body), "events");
    const bytes = response.body?.getReader();
    if (bytes === undefined) throw new Error("no body");
    let isOver = false;
    const reading = (async (): Promise<void> => {
      for (;;) {
        const { done, value } = await bytes.read();
        const passage: Passage = done ? reader.close() : reader.push(value);
        isOver = done || passage.events.some((event) => event.type === "end");
        if (isOver) return;
      }
    })();
    return { abort, reading, frames: () => reader.delivered.frames, isOver: () => isOver };
  }

  /** Time in small steps, so that what was sent is read before the next. */
  async function pass(clock: ManualClock, ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      await clock.advance(10);
      await Bun.sleep(0);
    }
  }

  test("is a first wait and then so many tokens a second", async () => {
    const clock = new ManualClock();
    const stream = await paced(createSandbox(clock), {
      tokens: 30,
      tokens_per_second: 50,
      first_token_ms: 100,
    });
    await pass(clock, 90);
    expect(stream.frames()).toBe(0);
    await pass(clock, 20);
    expect(stream.frames()).toBe(1);
    await pass(clock, 190);
    expect(stream.frames()).toBe(11);
    await pass(clock, 500);
    await stream.reading;
    expect(stream.frames()).toBe(30);
    expect(stream.isOver()).toBe(true);
  });

  test("ends at once when the call is aborted", async () => {
    const clock = new ManualClock();
    const stream = await paced(createSandbox(clock), { tokens: 1_000 });
    await pass(clock, 200);
    const reason = new Error("the client went away");
    stream.abort.abort(reason);
    expect(await stream.reading.catch((thrown: unknown) => thrown)).toBe(reason);
  });

  test("holds for whole answers too, which can be aborted", async () => {
    const clock = new ManualClock();
    const body = { messages: HELLO, sandbox: { tokens: 50, tokens_per_second: 50, first_token_ms: 100 } };
    let answered = false;
    const waiting = send(createSandbox(clock), requestOf("chat", body)).then(() => {
      answered = true;
    });
    await clock.advance(1_099);
    expect(answered).toBe(false);
    await clock.advance(1);
    await waiting;
    const abort = new AbortController();
    const aborted = send(createSandbox(clock), requestOf("chat", body), abort.signal);
    abort.abort(new Error("gone"));
    expect(await aborted.catch((thrown: unknown) => String(thrown))).toBe("Error: gone");
  });
});
