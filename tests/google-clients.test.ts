import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GoogleGenAI } from "@google/genai";
import { micro } from "./gateway.ts";
import { CITIES, chunksOf, codeOf, contents, QUESTION, refusal, told, tools } from "./google-client.ts";
import { costOf, MODELS, startTextVendors, type TextVendors, VENDORS } from "./text-vendors.ts";

/** The published Google SDK, unchanged, with vendors of its own dialect, and where it is refused. */
let vendors: TextVendors;
beforeAll(async () => {
  vendors = await startTextVendors();
}, 90_000);
afterAll(() => vendors.dispose(), 60_000);

const sdk = (apiKey = vendors.client.key) =>
  new GoogleGenAI({ apiKey, httpOptions: { baseUrl: vendors.gateway.url } });
const spent = async () => micro((await vendors.client.balance()).spent);

describe("the Google SDK with a vendor of its own dialect", () => {
  const model = "gemini-model";
  const path = `/v1beta/models/${model}`;

  test("asks with its own body, and gets the vendor's own bytes", async () => {
    const parts = [
      { text: "Look it up.", thought: true },
      { text: "Let me see. " },
      { functionCall: { name: "weather", args: { city: "Rome" } }, thoughtSignature: "sig/==" },
    ];
    vendors.gemini.next({ parts }, { parts });
    const wanted = {
      contents: QUESTION,
      tools,
      safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
      generationConfig: { maxOutputTokens: 450, topK: 3, thinkingConfig: { includeThoughts: true } },
    };
    const whole = await vendors.client.post(`${path}:generateContent`, wanted);
    expect(await whole.text()).toBe(vendors.gemini.said.at(-1) ?? "");
    expect(vendors.asked("gemini")).toEqual(wanted);
    const streamed = await vendors.client.post(`${path}:streamGenerateContent?alt=sse`, wanted);
    const text = await streamed.text();
    const [comment = ""] = /^: sluice .*\n\n/m.exec(text) ?? [];
    expect(text.replace(comment, "")).toBe(vendors.gemini.said.at(-1) ?? "");
    expect(text.indexOf("finishReason")).toBeGreaterThan(text.indexOf(comment));
    expect(vendors.gemini.called.slice(-2)).toEqual([
      `${MODELS.gemini}:generateContent`,
      `${MODELS.gemini}:streamGenerateContent`,
    ]);
  });

  test("carries signatures of thoughts between turns, and to no other vendor's harm", async () => {
    const called = { functionCall: { name: "weather", args: { city: "Rome" } }, thoughtSignature: "sig/==" };
    vendors.gemini.next({ parts: [called] }, { parts: [{ text: "Sunny" }] });
    const config = { tools };
    const first = await sdk().models.generateContent({ model, contents: QUESTION, config });
    const said = first.candidates?.[0]?.content ?? {};
    const response = { name: "weather", response: { output: "sun" } };
    const all = [...QUESTION, said, { role: "user", parts: [{ functionResponse: response }] }];
    await sdk().models.generateContent({ model, contents: all, config });
    expect(vendors.asked("gemini").contents).toMatchObject([{}, { parts: [called] }, {}]);
    for (const vendor of ["openai", "anthropic"] as const) {
      vendors.says(vendor, { text: "Sunny", prompt: 9, completion: 1 });
      const answer = await sdk().models.generateContent({ model: `${vendor}-model`, contents: all, config });
      expect(answer.text).toBe("Sunny");
      expect(JSON.stringify(vendors.asked(vendor))).not.toContain("sig/==");
    }
  });

  test("goes on with a conversation that others began", async () => {
    vendors.says("deepseek", { toolCalls: CITIES, prompt: 9, completion: 20 });
    vendors.says("gemini", { text: "Sunny", prompt: 9, completion: 1 });
    const config = { tools };
    const first = await sdk().models.generateContent({ model: "deepseek-model", contents: QUESTION, config });
    const parts = (first.functionCalls ?? []).map((call) => ({
      functionResponse: { id: call.id ?? "", name: call.name ?? "", response: { output: "sun" } },
    }));
    const all = [...QUESTION, first.candidates?.[0]?.content ?? {}, { role: "user", parts }];
    await sdk().models.generateContent({ model, contents: all, config });
    const [, turn] = vendors.asked("gemini").contents as readonly { parts: readonly object[] }[];
    expect(turn?.parts[0]).toMatchObject({ thoughtSignature: "skip_thought_signature_validator" });
  });

  test("has several candidates", async () => {
    vendors.says("openai", { text: "one two", prompt: 4, completion: 4 });
    const config = { candidateCount: 2 };
    const chunks = await chunksOf(
      await sdk().models.generateContentStream({ model: "openai-model", contents, config }),
    );
    const texts = [0, 1].map((index) =>
      chunks
        .flatMap(({ candidates = [] }) => candidates.filter((one) => one.index === index))
        .map(({ content }) => content?.parts?.map(({ text }) => text ?? "").join("") ?? "")
        .join(""),
    );
    expect(texts).toEqual(["one two", "one two"]);
  });

  test("is refused in Google's form, without the vendor's key", async () => {
    const message =
      "The input token count (9) exceeds the maximum number of tokens allowed (8). AIza-key-of-the-vendor";
    vendors.gemini.next({ error: { code: 400, status: "INVALID_ARGUMENT", message } });
    const error = await refusal(sdk().models.generateContent({ model, contents }));
    expect([error.status, told(error).status, codeOf(error)]).toEqual([
      400,
      "INVALID_ARGUMENT",
      "context_length_exceeded",
    ]);
    expect(error.message).not.toContain("key-of-the-vendor");
  });
});

test.each(["v1", "v1beta"])(
  "the Google SDK lists the models that can be asked, in the version %s",
  async (apiVersion) => {
    const httpOptions = { baseUrl: vendors.gateway.url, apiVersion };
    const { models } = new GoogleGenAI({ apiKey: vendors.client.key, httpOptions });
    const names: string[] = [];
    for await (const { name } of await models.list({ config: { pageSize: 3 } })) names.push(name ?? "");
    for (const vendor of VENDORS) expect(names).toContain(`models/${vendor}-model`);
    expect(new Set(names).size).toBe(names.length);
    expect(await models.get({ model: "gemini-vectors" })).toMatchObject({
      name: "models/gemini-vectors",
      supportedActions: ["embedContent"],
    });
    expect((await refusal(models.get({ model: "nobody" }))).status).toBe(404);
    vendors.says("openai", { text: "Sure.", prompt: 3, completion: 1 });
    expect((await models.generateContent({ model: "openai-model", contents })).text).toBe("Sure.");
  },
);

describe("the Google SDK is refused", () => {
  test("without a key that is known, in a header or in the address", async () => {
    const error = await refusal(sdk("sk-wrong").models.generateContent({ model: "openai-model", contents }));
    expect([error.status, told(error).status]).toEqual([401, "UNAUTHENTICATED"]);
    const { url } = vendors.gateway;
    const count = (key: string) =>
      fetch(`${url}/v1beta/models/openai-model:countTokens?key=${key}`, {
        method: "POST",
        body: JSON.stringify({ contents: QUESTION }),
      });
    expect((await count(vendors.client.key)).status).toBe(200);
    expect((await count("sk-wrong")).status).toBe(401);
    expect((await count("")).status).toBe(401);
    expect(vendors.gateway.log()).not.toContain(vendors.client.key);
  });

  test("where there is no such model, and where points are short", async () => {
    const unknown = await refusal(sdk().models.generateContent({ model: "models/nobody", contents }));
    expect([unknown.status, told(unknown).status, codeOf(unknown)]).toEqual([
      404,
      "NOT_FOUND",
      "model_not_found",
    ]);
    const poor = await vendors.gateway.client("0");
    const broke = await refusal(sdk(poor.key).models.generateContent({ model: "openai-model", contents }));
    expect([broke.status, told(broke).status, codeOf(broke)]).toEqual([
      402,
      "RESOURCE_EXHAUSTED",
      "insufficient_points",
    ]);
  });

  test("at a limit, with the time to wait", async () => {
    const limited = await vendors.gateway.client("10", { limits: { qps: 1, burst: 1 } });
    const ask = () => sdk(limited.key).models.countTokens({ model: "openai-model", contents: QUESTION });
    const error = await refusal(Promise.all([ask(), ask(), ask()]));
    expect([error.status, told(error).status]).toEqual([429, "RESOURCE_EXHAUSTED"]);
    expect(told(error).details.at(-1)).toMatchObject({ retryDelay: expect.stringMatching(/^\d+s$/) });
  });

  test("for Google's own tools and caches, by their names", async () => {
    for (const [config, param] of [
      [{ tools: [{ googleSearch: {} }] }, "tools[0].googleSearch"],
      [{ tools: [{ codeExecution: {} }] }, "tools[0].codeExecution"],
      [{ cachedContent: "cachedContents/x" }, "cachedContent"],
    ] as const) {
      const error = await refusal(
        sdk().models.generateContent({ model: "gemini-model", contents, config: { ...config } as object }),
      );
      expect([error.status, codeOf(error), told(error).details[0]?.metadata?.param]).toEqual([
        400,
        "unsupported_parameter",
        param,
      ]);
    }
  });
});

describe("a client of Gemini's dialect", () => {
  const path = (vendor: string, method: string) => `/v1beta/models/${vendor}-model:${method}`;

  test("is told in Google's form of bodies that cannot be read, and of wrong methods", async () => {
    const generate = path("qwen", "generateContent");
    const broken = await vendors.client.post(generate, '{"contents":');
    expect([broken.status, await broken.json()]).toMatchObject([
      400,
      {
        error: {
          code: 400,
          status: "INVALID_ARGUMENT",
          details: [{ metadata: { code: "invalid_json" } }, {}],
        },
      },
    ]);
    const long = await vendors.client.post(generate, `{"contents":"${"x".repeat(33 * 1024 * 1024)}"}`);
    expect([long.status, await long.json()]).toMatchObject([413, { error: { code: 413 } }]);
    const wrong = await vendors.client.get(generate.replace("models", "model"));
    expect([wrong.status, await wrong.json()]).toMatchObject([404, { error: { status: "NOT_FOUND" } }]);
    const put = await fetch(vendors.gateway.url + generate, { method: "PUT" });
    expect([put.status, await put.json()]).toMatchObject([405, { error: { status: "UNIMPLEMENTED" } }]);
    const unknown = await vendors.client.post(path("qwen", "tuneModel"), {});
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { status: "NOT_FOUND" } }]);
  });

  test("is told what another vendor does without", async () => {
    vendors.says("openai", { text: "a", prompt: 1, completion: 1 });
    const response = await vendors.client.post(path("openai", "generateContent"), {
      contents: [...QUESTION, { role: "model", parts: [{ text: "I am" }] }],
      safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" }],
      generationConfig: { topK: 5 },
    });
    expect(response.headers.get("x-sluice-dropped")?.split(", ").toSorted()).toEqual([
      "contents.prefill",
      "generationConfig.topK",
      "safetySettings",
    ]);
    const only = await vendors.client.post(path("openai", "generateContent"), {
      contents: QUESTION,
      generationConfig: { responseMimeType: "text/x.enum" },
    });
    expect(await only.json()).toMatchObject({
      error: { details: [{ metadata: { param: "generationConfig.responseMimeType" } }, {}, {}] },
    });
  });

  test.each([
    ["doubao", "generateContent"],
    ["doubao", "streamGenerateContent"],
    ["doubao", "streamGenerateContent?alt=sse"],
    ["gemini", "generateContent"],
    ["gemini", "streamGenerateContent"],
    ["gemini", "streamGenerateContent?alt=sse"],
  ] as const)("gets the same answer of %s under the same key, once charged: %s", async (vendor, method) => {
    const said = { text: "only once", prompt: 7, completion: 2 };
    vendors.says(vendor, said);
    const before = await spent();
    const headers = { "idempotency-key": `content-${vendor}-${method}` };
    const ask = (contents: object = QUESTION) =>
      vendors.client.post(path(vendor, method), { contents }, headers);
    const first = await (await ask()).text();
    const second = await ask();
    expect(await second.text()).toBe(first);
    expect(first).toContain("once");
    expect(second.headers.get("x-sluice-idempotent-replay")).toBe("true");
    expect((await spent()) - before).toBe(costOf(said));
    const other = await ask([...QUESTION, ...QUESTION]);
    expect([other.status, await other.json()]).toMatchObject([409, { error: { status: "ABORTED" } }]);
  });

  test.each(["doubao", "gemini"] as const)("takes up a stream of %s behind what it has", async (vendor) => {
    vendors.says(vendor, { text: "one two three four", prompt: 7, completion: 4 });
    const stream = await vendors.client.post(
      `${path(vendor, "streamGenerateContent")}?alt=sse`,
      { contents: QUESTION },
      { "x-sluice-resumable": "true" },
    );
    const whole = await stream.text();
    const id = stream.headers.get("x-sluice-stream") ?? "";
    const events = whole.split("\n\n").filter((frame) => frame.startsWith("id: "));
    expect(events.map((frame) => Number(/^id: (\d+)/.exec(frame)?.[1]))).toEqual(
      events.map((_, at) => at + 1),
    );
    const again = async (after: number) =>
      (await vendors.client.get(`/v1/streams/${id}?after=${after}`)).text();
    expect(await again(0)).toBe(whole);
    const rest = await again(1);
    expect(whole.endsWith(rest)).toBe(true);
    expect(rest).not.toContain("id: 1\n");
    expect(rest).toContain('"finishReason":"STOP"');
  });

  test("cannot take up an array, or several candidates", async () => {
    const headers = { "x-sluice-resumable": "true" };
    const array = await vendors.client.post(
      path("openai", "streamGenerateContent"),
      { contents: QUESTION },
      headers,
    );
    expect(array.status).toBe(400);
    const several = await vendors.client.post(
      `${path("openai", "streamGenerateContent")}?alt=sse`,
      { contents: QUESTION, generationConfig: { candidateCount: 2 } },
      headers,
    );
    expect(await several.json()).toMatchObject({ error: { status: "INVALID_ARGUMENT" } });
  });

  test("whose points are short is answered within them, by a vendor of its dialect too", async () => {
    const poor = await vendors.gateway.client("0.0003");
    for (const vendor of ["openai", "gemini"] as const) {
      vendors.says(vendor, { text: "a", prompt: 1, completion: 1 });
      const response = await poor.post(path(vendor, "generateContent"), {
        contents: QUESTION,
        generationConfig: { maxOutputTokens: 450 },
      });
      expect(response.status).toBe(200);
      const cap = Number(response.headers.get("x-sluice-capped"));
      expect(cap).toBeWithin(1, 450);
      expect(JSON.stringify(vendors.asked(vendor))).toMatch(
        new RegExp(`[oO]utputTokens":${cap}|tokens":${cap}`),
      );
    }
  });
});

test("the books are right", async () => {
  expect(await vendors.gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});
