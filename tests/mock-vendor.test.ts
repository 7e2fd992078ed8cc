import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { startPassThrough } from "../bench/pass-through.ts";
import { isObject } from "./mock-vendor/json.ts";
import { EMPTY, HALF_JSON, HTML, type Script, type Shape, SILENCE } from "./mock-vendor/script.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

let vendor: MockVendor;
beforeEach(() => {
  vendor = startMockVendor();
});
afterEach(() => vendor.stop());

interface Asked {
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage: boolean };
  readonly [field: string]: unknown;
}

const ask = (fields: Asked = {}, init: RequestInit = {}, url = vendor.url): Promise<Response> =>
  fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer sk-test", ...init.headers },
    body: JSON.stringify({ model: "mock", messages: [{ role: "user", content: "Say some" }], ...fields }),
    ...init,
  });

const STREAMED: Asked = { stream: true, stream_options: { include_usage: true } };

/** The JSON of each event, `[DONE]` as it is; ends where the connection breaks. */
async function eventsOf(response: Response): Promise<{ events: unknown[]; isBroken: boolean; text: string }> {
  const decoder = new TextDecoder();
  let text = "";
  let isBroken = false;
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    isBroken = true;
  }
  const data = text.split(/\r?\n\r?\n/).flatMap((frame) => /^data: (.*)$/.exec(frame)?.[1] ?? []);
  return { events: data.map((json) => (json === "[DONE]" ? json : tryJson(json))), isBroken, text };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const usagesIn = (events: readonly unknown[]): unknown[] =>
  events.flatMap((event) => (isObject(event) && event.usage ? [event.usage] : []));

describe("a whole answer", () => {
  test("has text, usage and the vendor's extras, and is written down", async () => {
    vendor.next({ tokens: 3, promptTokens: 11, cachedTokens: 4, reasoningTokens: 2 });
    const answer = await (await ask()).json();
    expect(answer).toMatchObject({
      object: "chat.completion",
      model: "mock",
      choices: [{ message: { role: "assistant", content: "water flows through" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 },
    });
    expect(vendor.account.totals()).toMatchObject({
      calls: 1,
      outcomes: { completed: 1 },
      promptTokens: 11,
      cachedTokens: 4,
      outputTokens: 3,
      reasoningTokens: 2,
    });
  });

  test("stops at the request's maximum, which reasoning is part of", async () => {
    vendor.next({ tokens: 10, reasoningTokens: 2 });
    const answer = await (await ask({ max_tokens: 5 })).json();
    expect(answer).toMatchObject({ choices: [{ finish_reason: "length" }], usage: { completion_tokens: 5 } });
  });

  test("has as many choices as were asked for", async () => {
    const answer = await (await ask({ n: 3 })).json();
    expect(answer).toMatchObject({ choices: [{ index: 0 }, { index: 1 }, { index: 2 }] });
    expect(vendor.account.totals().outputTokens).toBe(24);
  });

  test("can come after empty lines, byte by byte", async () => {
    vendor.next({ keepAlives: 3, writes: "byte" });
    const text = await (await ask()).text();
    expect(text).toStartWith("\n\n\n{");
    expect(tryJson(text)).toMatchObject({ object: "chat.completion" });
  });
});

describe("usage in a stream", () => {
  const shapes: readonly Shape[] = ["openai", "deepseek", "qwen", "doubao"];

  test.each(shapes)("of %s is where that vendor puts it", async (shape) => {
    vendor.next({ shape, tokens: 4, promptTokens: 9 });
    const { events } = await eventsOf(await ask(STREAMED));
    expect(events.at(-1)).toBe("[DONE]");
    expect(usagesIn(events)).toMatchObject([{ prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 }]);
    const carrier = events.at(-2);
    expect(isObject(carrier) && carrier.choices).toHaveLength(shape === "deepseek" ? 1 : 0);
    expect(vendor.account.calls[0]).toMatchObject({ outcome: "completed", outputTokens: 4, usages: 1 });
  });

  test.each(shapes)("of %s comes unasked only from DeepSeek", async (shape) => {
    vendor.next({ shape });
    const { events } = await eventsOf(await ask({ stream: true }));
    expect(usagesIn(events)).toHaveLength(shape === "deepseek" ? 1 : 0);
  });

  test("can be missing, come twice, be negative, or absurd", async () => {
    vendor.next({ usage: "missing" }, { usage: "twice" }, { usage: "negative" }, { usage: "huge" });
    const seen = [];
    for (let at = 0; at < 4; at += 1) seen.push(usagesIn((await eventsOf(await ask(STREAMED))).events));
    expect(seen).toMatchObject([
      [],
      [{ completion_tokens: 8 }, { completion_tokens: 8 }],
      [{ completion_tokens: -8 }],
      [{ completion_tokens: 1e18 }],
    ]);
  });
});

describe("a stream", () => {
  test("says the same however it is written", async () => {
    const scripts: Script[] = [{}, { writes: "byte" }, { writes: 5 }, { lineEnd: "\r\n" }, { keepAlives: 2 }];
    vendor.next(...scripts.map((script) => ({ ...script, shape: "qwen" as const, reasoningTokens: 3 })));
    const texts = new Set<string>();
    for (const _ of scripts) {
      const { events } = await eventsOf(await ask(STREAMED));
      texts.add(JSON.stringify(events).replace(/-0{4,}\d+|"created":\d+/g, ""));
    }
    expect(texts.size).toBe(1);
  });

  test("calls tools, in pieces", async () => {
    const call = { name: "weather", arguments: '{"city":"Zürich"}' };
    vendor.next({ toolCalls: [call, call], shape: "qwen" });
    const { events } = await eventsOf(await ask(STREAMED));
    const first = JSON.stringify(events);
    expect(first).toContain('"id":"call_1_0_0"');
    expect(first).toContain('"id":"call_1_0_1"');
    expect(first).toContain('"finish_reason":"tool_calls"');
    expect(vendor.account.totals().outputTokens).toBe(20);
  });

  test("can have two ends, or none", async () => {
    vendor.next({ end: "two_markers" }, { end: "none" });
    const twice = await eventsOf(await ask(STREAMED));
    expect(twice.events.slice(-2)).toEqual(["[DONE]", "[DONE]"]);
    const none = await eventsOf(await ask(STREAMED));
    expect(none.isBroken).toBe(false);
    expect(none.events).not.toContain("[DONE]");
    expect(vendor.account.calls.map(({ outcome }) => outcome)).toEqual(["completed", "unmarked"]);
  });

  test("can fail in its middle with an error object", async () => {
    vendor.next({ failure: { afterTokens: 3, error: { message: "gone", code: "server_error" } } });
    const { events, isBroken } = await eventsOf(await ask(STREAMED));
    expect(isBroken).toBe(false);
    expect(events.at(-1)).toEqual({ error: { message: "gone", code: "server_error" } });
    expect(vendor.account.calls[0]).toMatchObject({ outcome: "broken", outputTokens: 3 });
  });

  test.each(["close", "reset"] as const)("can be cut (%s), inside a frame or a letter", async (how) => {
    vendor.next(
      { cut: { afterTokens: 2, inside: "frame", how } },
      { cut: { afterTokens: 2, inside: "character", how } },
    );
    const inFrame = await eventsOf(await ask(STREAMED));
    expect(inFrame.isBroken).toBe(true);
    const inLetter = await eventsOf(await ask(STREAMED));
    expect(inLetter.isBroken).toBe(true);
    expect(vendor.account.totals()).toMatchObject({ outcomes: { broken: 2 }, outputTokens: 4 });
  });

  test("can be cut in the middle of a letter with HTTP in order", async () => {
    vendor.next({ cut: { afterTokens: 2, inside: "character", how: "end" } });
    const bytes = new Uint8Array(await (await ask(STREAMED)).arrayBuffer());
    expect(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)).toThrow();
  });
});

describe("a bad day", () => {
  test("is HTML, half a JSON, an empty 200, or nothing", async () => {
    vendor.next(HTML, HALF_JSON, EMPTY, SILENCE);
    expect((await ask()).headers.get("content-type")).toStartWith("text/html");
    expect(tryJson(await (await ask()).text())).toBeUndefined();
    const empty = await ask();
    expect([empty.status, await empty.text()]).toEqual([200, ""]);
    await expect(ask()).rejects.toThrow();
    expect(vendor.account.calls.map(({ outcome }) => outcome)).toEqual(["plain", "plain", "plain", "broken"]);
  });

  test("is a whole answer that breaks off", async () => {
    vendor.next({ cut: { afterTokens: 0 } });
    const response = await ask();
    await expect(response.text()).rejects.toThrow();
  });

  test.each([
    ["openai", "no_money", 429, "insufficient_quota"],
    ["deepseek", "no_money", 402, "invalid_request_error"],
    ["qwen", "no_money", 400, "Arrearage"],
    ["doubao", "overloaded", 429, "ServerOverloaded"],
  ] as const)("is %s refusing: %s", async (shape, refusal, status, code) => {
    vendor.next({ shape, refusal });
    const response = await ask();
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });

  test("can be asked for by the client: in a header, in the body, in the last message", async () => {
    const script = { answer: { status: 418, body: { teapot: true } } };
    const message = { messages: [{ role: "user", content: JSON.stringify({ mock: script }) }] };
    const answers = [
      await ask({}, { headers: { "x-mock-script": JSON.stringify(script) } }),
      await ask({ mock: script }),
      await ask(message),
    ];
    expect(answers.map(({ status }) => status)).toEqual([418, 418, 418]);
  });
});

describe("time", () => {
  test("stands still at a hold until the test goes on", async () => {
    vendor.always({ hold: { afterTokens: 2 } });
    const answers = [ask(STREAMED), ask(STREAMED)].map(async (asked) => eventsOf(await asked));
    await vendor.held.reached(2);
    expect(vendor.account.calls.map(({ outputTokens }) => outputTokens)).toEqual([2, 2]);
    vendor.release();
    for (const { events } of await Promise.all(answers)) expect(events.at(-1)).toBe("[DONE]");
    await vendor.quiet();
    expect(vendor.account.totals().outcomes.completed).toBe(2);
  });

  test.each(["headers", "first_token", { afterTokens: 3 }] as const)(
    "is not waited for by a client that leaves at %j",
    async (hold) => {
      vendor.next({ hold });
      const leaving = new AbortController();
      const asked = ask(STREAMED, { signal: leaving.signal }).then(eventsOf);
      await vendor.held.reached(1);
      leaving.abort();
      await asked.catch(() => undefined);
      await vendor.quiet();
      const served = typeof hold === "object" ? hold.afterTokens : 0;
      expect(vendor.account.calls[0]).toMatchObject({ outcome: "aborted", outputTokens: served });
    },
  );
});

describe("through the bare pass-through", () => {
  test("everything arrives, and a client's leaving too", async () => {
    const proxy = startPassThrough(vendor.url.replace("/v1", ""));
    try {
      vendor.next({ tokens: 40, writes: "byte" }, { hold: { afterTokens: 1 } });
      const { events } = await eventsOf(await ask(STREAMED, {}, `${proxy.url}/v1`));
      expect(events.at(-1)).toBe("[DONE]");
      const leaving = new AbortController();
      const asked = ask(STREAMED, { signal: leaving.signal }, `${proxy.url}/v1`).then(eventsOf);
      await vendor.held.reached(1);
      leaving.abort();
      await asked.catch(() => undefined);
      await vendor.quiet();
      expect(vendor.account.calls[1]).toMatchObject({ outcome: "aborted" });
    } finally {
      proxy.stop();
    }
  });
});

describe("the openai package", () => {
  const client = () => new OpenAI({ apiKey: "sk-test", baseURL: vendor.url, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Hello" }];

  test("understands chats, streams, tools, embeddings, models and errors", async () => {
    const chat = await client().chat.completions.create({ model: "mock", messages });
    expect(chat.choices[0]?.message.content).toStartWith("water flows");

    vendor.next({ toolCalls: [{ name: "weather", arguments: "{}" }] });
    const stream = client().chat.completions.stream({ model: "mock", messages });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: "weather", arguments: "{}" },
    });

    const embeddings = await client().embeddings.create({ model: "mock", input: ["a", "b"] });
    expect(embeddings.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
    expect(embeddings.data[0]?.embedding[0]).toBe(0.5);

    vendor.next({ refusal: "rate_limit" });
    const refused = client().chat.completions.create({ model: "mock", messages });
    expect(await refused.catch((error: unknown) => error)).toBeInstanceOf(OpenAI.RateLimitError);
    const models = await client().models.list();
    expect(models.data).toEqual([]);
  });

  test("is refused with a wrong key where keys are checked", async () => {
    const strict = startMockVendor({ keys: ["sk-right"] });
    const wrong = new OpenAI({ apiKey: "sk-wrong", baseURL: strict.url, maxRetries: 0 });
    const refused = await wrong.models.list().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.AuthenticationError);
    strict.stop();
  });
});
