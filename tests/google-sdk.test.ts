import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CallableTool, type GenerateContentResponse, GoogleGenAI, Type } from "@google/genai";
import { micro, sluiceComment } from "./gateway.ts";
import {
  CITIES,
  chunksOf,
  codeOf,
  contents,
  QUESTION,
  refusal,
  told,
  tools,
  weather,
} from "./google-client.ts";
import { SdkTable } from "./sdk-table.ts";
import {
  costOf,
  EMBEDDING_MODELS,
  MODELS,
  PACED,
  SHAPES,
  startTextVendors,
  type TextVendors,
  VENDORS,
  type Vendor,
} from "./text-vendors.ts";

/** The published Google SDK, unchanged, against each vendor's way of speaking. */
const table = new SdkTable("contents");
let vendors: TextVendors;
beforeAll(async () => {
  vendors = await startTextVendors();
}, 90_000);
afterAll(() => vendors.dispose(), 60_000);

const sdk = (apiKey = vendors.client.key) =>
  new GoogleGenAI({ apiKey, httpOptions: { baseUrl: vendors.gateway.url } });
const spent = async () => micro((await vendors.client.balance()).spent);
/** A vendor that failed too often is left alone: an answer that went well lets it go on. */
async function recover(vendor: Vendor): Promise<void> {
  for (let count = 0; count < 2; count += 1) {
    vendors.says(vendor, { text: "ok", prompt: 1, completion: 1 });
    await sdk().models.generateContent({ model: `${vendor}-model`, contents });
  }
}

const textOf = (chunks: readonly GenerateContentResponse[]) => chunks.map(({ text }) => text ?? "").join("");

describe.each(VENDORS)("the Google SDK with %s", (vendor) => {
  const model = `${vendor}-model`;

  test("gets a response, and the charge is what the vendor counted", async () => {
    const said = { text: "I am well today", prompt: 11, cached: 3, completion: 4 };
    vendors.says(vendor, said);
    const before = await spent();
    const config = { systemInstruction: "Be brief.", maxOutputTokens: 100 };
    const response = await sdk().models.generateContent({ model, contents, config });
    expect(response.text).toBe("I am well today");
    expect(response.candidates).toMatchObject([
      { content: { role: "model" }, finishReason: "STOP", index: 0 },
    ]);
    expect(response.usageMetadata).toMatchObject({
      promptTokenCount: 11,
      cachedContentTokenCount: 3,
      candidatesTokenCount: 4,
      totalTokenCount: 15,
    });
    expect([response.modelVersion, response.responseId].map(Boolean)).toEqual([true, true]);
    const headers = response.sdkHttpResponse?.headers ?? {};
    expect(micro(headers["x-sluice-cost"] ?? "")).toBe(costOf(said));
    expect((await spent()) - before).toBe(costOf(said));
    expect([headers["x-sluice-vendor"], headers["x-sluice-model"]]).toEqual([vendor, MODELS[vendor]]);
    expect(JSON.stringify(vendors.asked(vendor))).toContain("Be brief.");
    table.saw("whole answers, charged as the vendor counts", vendor);
  });

  test("gets chunks of a stream, and is charged alike", async () => {
    const said = { text: "one two three", prompt: 7, cached: 2, completion: 3 };
    vendors.says(vendor, said);
    const before = await spent();
    const chunks = await chunksOf(await sdk().models.generateContentStream({ model, contents }));
    expect(textOf(chunks)).toBe("one two three");
    expect(chunks.length).toBeGreaterThan(1);
    const finishes = chunks.flatMap(({ candidates = [] }) => candidates[0]?.finishReason ?? []);
    expect(finishes).toEqual(["STOP" as (typeof finishes)[number]]);
    expect(chunks.at(-1)).toMatchObject({
      candidates: [{ finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 7, cachedContentTokenCount: 2, candidatesTokenCount: 3 },
    });
    expect(new Set(chunks.map(({ responseId }) => responseId)).size).toBe(1);
    expect((await spent()) - before).toBe(costOf(said));
    table.saw("streams, charged alike", vendor);
  });

  test("chats, and its history goes back as the vendor has it", async () => {
    const chat = sdk().chats.create({ model });
    vendors.says(vendor, { text: "I am well", prompt: 5, completion: 3 });
    expect((await chat.sendMessage({ message: contents })).text).toBe("I am well");
    vendors.says(vendor, { text: "one two three", prompt: 9, completion: 3 });
    const chunks = await chunksOf(await chat.sendMessageStream({ message: "Count." }));
    expect(textOf(chunks)).toBe("one two three");
    vendors.says(vendor, { text: "Sure.", prompt: 20, completion: 1 });
    expect((await chat.sendMessage({ message: "Sure?" })).text).toBe("Sure.");
    const body = JSON.stringify(vendors.asked(vendor));
    for (const words of [contents, "am ", "well", "Count.", "three", "Sure?"]) expect(body).toContain(words);
    expect(chat.getHistory(true).length).toBeGreaterThanOrEqual(6);
    table.saw("chats with their history", vendor);
  });

  test.each([false, true])("calls functions in parallel, in a loop (streamed: %p)", async (isStream) => {
    vendors.says(vendor, { toolCalls: CITIES, prompt: 9, completion: 20 });
    vendors.says(vendor, { text: "Sunny in both", prompt: 30, completion: 3 });
    const config = { tools };
    const answers = isStream
      ? await chunksOf(await sdk().models.generateContentStream({ model, contents: QUESTION, config }))
      : [await sdk().models.generateContent({ model, contents: QUESTION, config })];
    const calls = answers.flatMap(({ functionCalls = [] }) => functionCalls);
    expect(calls.map(({ name, args }) => [name, args])).toEqual([
      ["weather", { city: "Rome" }],
      ["weather", { city: "Bern" }],
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    const said = answers.flatMap(({ candidates }) => candidates?.[0]?.content ?? []);
    const parts = calls.map(({ id, name }, at) => ({
      functionResponse: {
        ...(id === undefined ? {} : { id }),
        ...(name === undefined ? {} : { name }),
        response: at === 0 ? { output: "sun" } : { error: "no answer" },
      },
    }));
    const second = await sdk().models.generateContent({
      model,
      contents: [...QUESTION, ...said, { role: "user", parts }],
      config,
    });
    expect(second.text).toBe("Sunny in both");
    const body = JSON.stringify(vendors.asked(vendor));
    for (const { id } of calls) expect(body.split(`"${id}"`)).toHaveLength(3);
    expect(body).toContain("no answer");
    table.saw("tools, in parallel and in a loop", vendor);
  });

  test.each([false, true])("has the SDK call functions by itself (streamed: %p)", async (isStream) => {
    vendors.says(vendor, { toolCalls: CITIES, prompt: 9, completion: 20 });
    vendors.says(vendor, { text: "Sunny in both", prompt: 30, completion: 3 });
    const callable: CallableTool = {
      tool: async () => tools[0] ?? {},
      callTool: async (calls) =>
        calls.map((call) => ({ functionResponse: { ...call, response: { output: "sun" } } })),
    };
    const asked = { model, contents, config: { tools: [callable] } };
    const answers = isStream
      ? await chunksOf(await sdk().models.generateContentStream(asked))
      : [await sdk().models.generateContent(asked)];
    expect(textOf(answers)).toBe("Sunny in both");
    table.saw("functions that the SDK calls by itself", vendor);
  });

  test("has one function called that must be, and none that must not", async () => {
    vendors.says(vendor, { toolCalls: CITIES.slice(0, 1), prompt: 9, completion: 20 });
    const other = { ...weather, name: "other" };
    const response = await sdk().models.generateContent({
      model,
      contents,
      config: {
        tools: [{ functionDeclarations: [weather, other] }],
        toolConfig: { functionCallingConfig: { mode: "ANY" as never, allowedFunctionNames: ["weather"] } },
      },
    });
    expect(response.functionCalls).toMatchObject([{ name: "weather", args: { city: "Rome" } }]);
    expect(JSON.stringify(vendors.asked(vendor))).toMatch(/required|"any"|"ANY"|"tool"|"function":\{"name"/);
  });

  test("shows images", async () => {
    vendors.says(vendor, { text: "A gate", prompt: 90, completion: 2 });
    const data = "iVBORw0KGgo=";
    const parts = [{ inlineData: { mimeType: "image/png", data } }, { text: "What is this?" }];
    const asked = { model, contents: [{ role: "user", parts }] };
    expect((await sdk().models.generateContent(asked)).text).toBe("A gate");
    expect(JSON.stringify(vendors.asked(vendor))).toContain(data);
    table.saw("images", vendor);
  });

  test("is told that an answer reached its length", async () => {
    const said = { text: "one", prompt: 4, completion: 1, end: "length" } as const;
    vendors.says(vendor, said);
    const whole = await sdk().models.generateContent({ model, contents });
    expect(String(whole.candidates?.[0]?.finishReason)).toBe("MAX_TOKENS");
    vendors.says(vendor, said);
    const chunks = await chunksOf(await sdk().models.generateContentStream({ model, contents }));
    expect(String(chunks.at(-1)?.candidates?.[0]?.finishReason)).toBe("MAX_TOKENS");
    table.saw("ends for length", vendor);
  });

  test.each(["schema", "JSON schema"])("keeps to a %s", async (kind) => {
    vendors.says(vendor, { text: '{"city":"Rome"}', prompt: 9, completion: 1 });
    const schema =
      kind === "schema"
        ? { responseSchema: { type: Type.OBJECT, properties: { city: { type: Type.STRING } } } }
        : { responseJsonSchema: { type: "object", properties: { city: { type: "string" } } } };
    const config = { responseMimeType: "application/json", ...schema };
    const response = await sdk().models.generateContent({ model, contents, config });
    expect(JSON.parse(response.text ?? "")).toEqual({ city: "Rome" });
    expect(JSON.stringify(vendors.asked(vendor))).toContain("city");
    table.saw("answers by a JSON schema", vendor);
  });

  test("counts tokens, and nothing is charged", async () => {
    const before = await spent();
    if (vendor === "gemini") vendors.gemini.next({ usage: { promptTokenCount: 42 } });
    if (vendor === "anthropic") vendors.claude.next({ usage: { input_tokens: 42 } });
    const { totalTokens = 0 } = await sdk().models.countTokens({ model, contents: QUESTION });
    const isCounted = vendor === "gemini" || vendor === "anthropic";
    expect(totalTokens).toBe(isCounted ? 42 : Math.ceil(contents.length / 4));
    expect(await spent()).toBe(before);
    table.saw("counts of tokens", vendor);
  });

  test("learns of a stream that is cut, and never of its end", async () => {
    vendors.says(vendor, { text: "one two three", prompt: 7, completion: 3, end: "cut" });
    const seen: string[] = [];
    const reading = async () => {
      for await (const { text, candidates } of await sdk().models.generateContentStream({ model, contents }))
        seen.push(text ?? "", ...(candidates ?? []).flatMap(({ finishReason }) => finishReason ?? []));
    };
    const error = await refusal(reading());
    expect([error.status, told(error).status, codeOf(error)]).toEqual([
      502,
      "UNAVAILABLE",
      "stream_truncated",
    ]);
    expect(seen.join("")).toStartWith("one");
    expect(seen).not.toContain("STOP");
    table.saw("cut streams are errors", vendor);
  });

  test("has a cut stream end in an error and its charge, as SSE and as an array", async () => {
    const cut = { text: "one two three", prompt: 7, completion: 3, end: "cut" } as const;
    const path = `/v1beta/models/${model}:streamGenerateContent`;
    vendors.says(vendor, cut);
    const stream = await vendors.client.post(`${path}?alt=sse`, { contents: QUESTION });
    const sse = await stream.text();
    expect(sluiceComment(sse)).toMatchObject({ outcome: "truncated", vendor });
    const frames = sse.split(/\r?\n\r?\n/).filter((frame) => frame !== "");
    expect(frames.at(-1)).toStartWith(": sluice {");
    expect(JSON.parse(frames.at(-2)?.slice("data: ".length) ?? "")).toMatchObject({
      error: {
        code: 502,
        status: "UNAVAILABLE",
        details: [
          { metadata: { code: "stream_truncated", request_id: stream.headers.get("x-request-id") } },
          {},
        ],
      },
    });
    expect(sse).not.toContain("finishReason");
    vendors.says(vendor, cut);
    const listed = await vendors.client.post(path, { contents: QUESTION });
    expect(listed.headers.get("content-type")).toStartWith("application/json");
    const elements = (await listed.json()) as readonly object[];
    expect(elements[0]).toMatchObject({ candidates: [{ content: { role: "model" } }] });
    expect(elements.at(-1)).toMatchObject({ error: { status: "UNAVAILABLE" } });
    await recover(vendor);
  });
});

describe.each(SHAPES)("the Google SDK when %s goes wrong", (vendor) => {
  const model = `${vendor}-model`;

  test.each([
    ["is cut inside a frame", { cut: { afterTokens: 2, inside: "frame" } }],
    ["ends without its end marker", { end: "none", finishReason: "none" }],
    ["falls silent", { hold: { afterTokens: 2 } }],
    [
      "says that it failed",
      { failure: { afterTokens: 2, error: { message: "broken", code: "server_error" } } },
    ],
  ] as const)("throws when it %s", async (_, script) => {
    vendors.mock(vendor).next({ text: "one two three", pace: PACED, ...script });
    let seen = "";
    const reading = async () => {
      for await (const chunk of await sdk().models.generateContentStream({ model, contents }))
        seen += JSON.stringify(chunk);
    };
    const error = await refusal(reading());
    expect(["stream_truncated", "vendor_timeout", "vendor_unavailable"]).toContain(String(codeOf(error)));
    expect(seen).toContain('"one');
    expect(seen).not.toContain("finishReason");
    vendors.mock(vendor).release();
    await recover(vendor);
  });

  test("hears the vendor's words of its own mistakes, as Google would say them", async () => {
    vendors.mock(vendor).next({ refusal: "context_length" });
    const error = await refusal(sdk().models.generateContent({ model, contents }));
    expect([error.status, told(error).status, codeOf(error)]).toEqual([
      400,
      "INVALID_ARGUMENT",
      "context_length_exceeded",
    ]);
  });
});

describe.each(["deepseek", "qwen", "doubao"] as const)(
  "the Google SDK with %s, which thinks aloud,",
  (vendor) => {
    const model = `${vendor}-model`;
    const config = { thinkingConfig: { includeThoughts: true } };

    test.each([true, false])("sees its thoughts if it asks for them (%p)", async (asks) => {
      vendors.mock(vendor).next({ reasoningTokens: 3, text: "Yes." });
      const response = await sdk().models.generateContent({ model, contents, ...(asks ? { config } : {}) });
      const parts = response.candidates?.[0]?.content?.parts ?? [];
      expect(parts.some(({ thought }) => thought === true)).toBe(asks);
      expect(response.text).toBe("Yes.");
      expect(response.usageMetadata).toMatchObject({ thoughtsTokenCount: 3 });
    });

    test.each([true, false])("gives back what led to a call, shown or not (%p)", async (asks) => {
      vendors.mock(vendor).next({ reasoningTokens: 3, toolCalls: CITIES.slice(0, 1) });
      const asked = { model, config: { tools, ...(asks ? config : {}) } };
      const chunks = await chunksOf(
        await sdk().models.generateContentStream({ ...asked, contents: QUESTION }),
      );
      const said = chunks.flatMap(({ candidates }) => candidates?.[0]?.content ?? []);
      const [call] = chunks.flatMap(({ functionCalls = [] }) => functionCalls);
      const functionResponse = { ...call, response: { output: "sun" } };
      vendors.says(vendor, { text: "Sunny", prompt: 30, completion: 1 });
      await sdk().models.generateContent({
        ...asked,
        contents: [...QUESTION, ...said, { role: "user", parts: [{ functionResponse }] }],
      });
      const { messages } = vendors.asked(vendor) as { messages: readonly Record<string, unknown>[] };
      const assistant = messages.find(({ role }) => role === "assistant");
      if (vendor === "deepseek") expect(String(assistant?.reasoning_content ?? "")).not.toBe("");
      expect(assistant).toMatchObject({ tool_calls: [{ function: { name: "weather" } }] });
      table.saw("thoughts, shown and given back", vendor);
    });
  },
);

describe.each(Object.keys(EMBEDDING_MODELS) as (keyof typeof EMBEDDING_MODELS)[])(
  "the Google SDK's embeddings with %s",
  (vendor) => {
    test("are vectors, one for each text", async () => {
      if (vendor === "gemini")
        vendors.gemini.next({
          vectors: [
            [0.5, -2],
            [1, 2],
          ],
        });
      const before = await spent();
      const { embeddings = [] } = await sdk().models.embedContent({
        model: `${vendor}-vectors`,
        contents: ["a", "b"],
      });
      expect(embeddings).toHaveLength(2);
      expect(embeddings[0]?.values?.[0]).toBe(0.5);
      expect(await spent()).toBeGreaterThan(before);
      expect(JSON.stringify(vendors.asked(vendor))).toContain(EMBEDDING_MODELS[vendor]);
      table.saw("embeddings", vendor);
    });

    test("are one vector for one text", async () => {
      if (vendor === "gemini") vendors.gemini.next({ vectors: [[0.5, -2]] });
      const body = { content: { parts: [{ text: "a" }] } };
      const one = await vendors.client.post(`/v1beta/models/${vendor}-vectors:embedContent`, body);
      const { embedding } = (await one.json()) as { embedding: { values: readonly number[] } };
      expect(embedding.values[0]).toBe(0.5);
    });
  },
);

test("the books are right", async () => {
  expect(await vendors.gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});

test("README says what the SDK's contents were seen to do", () => table.check());
