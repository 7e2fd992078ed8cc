import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import type { FunctionTool } from "openai/resources/responses/responses";
import { EMPTY, HALF_JSON, HTML, SILENCE } from "./mock-vendor/script.ts";
import { startTextVendors, type TextVendors } from "./text-vendors.ts";

/** What becomes of a response after it was given: kept, gone on from, given once more. By the published SDK. */
let vendors: TextVendors;
beforeAll(async () => {
  vendors = await startTextVendors();
}, 90_000);
afterAll(() => vendors.dispose(), 60_000);

const sdk = (key = vendors.client.key) =>
  new OpenAI({ apiKey: key, baseURL: `${vendors.gateway.url}/v1`, maxRetries: 0 });

async function refusal(running: Promise<unknown>): Promise<APIError> {
  const thrown = await running.catch((error: unknown) => error);
  if (thrown instanceof APIError) return thrown;
  throw new Error("was not refused");
}

const weather: FunctionTool = {
  type: "function",
  name: "weather",
  description: "The weather of a city",
  strict: false,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

describe("what was kept", () => {
  const model = "qwen-model";
  const ask = (more: object = {}) => {
    vendors.mock("qwen").next({ text: "Noted" });
    return sdk().responses.create({ model, input: "Remember 7.", ...more });
  };

  test("is another tenant's never: not to be read, gone on from or deleted", async () => {
    const { id } = await ask();
    const other = sdk((await vendors.gateway.client("10")).key);
    expect((await refusal(other.responses.retrieve(id))).status).toBe(404);
    expect((await refusal(other.responses.delete(id))).status).toBe(404);
    expect((await refusal(other.responses.inputItems.list(id))).status).toBe(404);
    const stranger = await refusal(other.responses.create({ model, input: "?", previous_response_id: id }));
    expect([stranger.status, stranger.code, stranger.param]).toEqual([
      400,
      "previous_response_not_found",
      "previous_response_id",
    ]);
    expect((await sdk().responses.retrieve(id)).output_text).toBe("Noted");
  });

  test.each(["resp_none", "a%00b", "%ff", "%ED%A0%80", "x".repeat(300)])(
    "is nothing under %s",
    async (name) => {
      for (const path of [name, `${name}/input_items`])
        expect((await vendors.client.get(`/v1/responses/${path}`)).status).toBe(404);
      const body = { model, input: "x", previous_response_id: `${name}\0` };
      expect((await vendors.client.post("/v1/responses", body)).status).toBe(400);
    },
  );

  test("goes when it is deleted, and nothing was kept that was not to be", async () => {
    const { id } = await ask();
    await sdk().responses.delete(id);
    expect((await refusal(sdk().responses.retrieve(id))).status).toBe(404);
    const unkept = await ask({ store: false });
    expect(unkept).toMatchObject({ store: false });
    expect((await refusal(sdk().responses.retrieve(unkept.id))).status).toBe(404);
  });

  test("lists what it was asked, page by page", async () => {
    const input = ["a", "b", "c"].map((content) => ({ role: "user" as const, content }));
    const { id } = await ask({ input });
    const texts: string[] = [];
    for await (const item of sdk().responses.inputItems.list(id, { limit: 2, order: "asc" }))
      texts.push(JSON.stringify(item));
    expect(texts).toHaveLength(3);
    expect(texts[0]).toContain('"text":"a"');
    expect(texts[2]).toContain('"text":"c"');
  });

  test("is gone on from by the names of its items, as other SDKs do", async () => {
    const { output } = await ask();
    vendors.mock("qwen").next({ text: "7" });
    await sdk().responses.create({
      model,
      input: [
        { role: "user", content: "Remember 7." },
        { type: "item_reference", id: String(output[0]?.id) },
        { role: "user", content: "Which?" },
      ],
    });
    expect(vendors.asked("qwen").messages).toMatchObject([
      {},
      { role: "assistant", content: "Noted" },
      { role: "user", content: "Which?" },
    ]);
  });

  test("survives a restart", async () => {
    const { id } = await ask();
    await vendors.gateway.stop();
    await vendors.gateway.restart();
    vendors.mock("qwen").next({ text: "7" });
    const next = await sdk().responses.create({ model, input: "Which?", previous_response_id: id });
    expect(next.output_text).toBe("7");
    expect(vendors.asked("qwen").messages).toMatchObject([
      { role: "user", content: "Remember 7." },
      { role: "assistant", content: "Noted" },
      { role: "user", content: "Which?" },
    ]);
  }, 60_000);
});

describe("one more time", () => {
  test.each([false, true])(
    "an Idempotency-Key gives the same response, charged once (streamed: %p)",
    async (stream) => {
      vendors.mock("openai").next({ text: "just once" });
      const before = vendors.mock("openai").account.calls.length;
      const headers = { "idempotency-key": `once-${stream}` };
      const body = { model: "openai-model", input: "Say it.", stream };
      const answers = [];
      for (let time = 0; time < 2; time += 1)
        answers.push(await (await vendors.client.post("/v1/responses", body, headers)).text());
      expect(answers[1]).toBe(answers[0] ?? "");
      expect(answers[0]).toContain("just once");
      expect(vendors.mock("openai").account.calls.length - before).toBe(1);
      const other = await vendors.client.post("/v1/responses", { ...body, input: "Other." }, headers);
      expect(other.status).toBe(409);
    },
  );

  test("a resumable stream goes on after any event, and is kept whoever reads it", async () => {
    vendors.mock("openai").next({ text: "one two three", hold: { afterTokens: 2 } });
    const headers = { "x-sluice-resumable": "true" };
    const body = { model: "openai-model", input: "Count.", stream: true };
    const first = await vendors.client.post("/v1/responses", body, headers);
    const stream = first.headers.get("x-sluice-stream") ?? "";
    const reader = (first.body ?? new Blob().stream()).getReader();
    let text = "";
    while (!/"delta":"[^"]*two"/.test(text)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`ended before it was left: ${text}`);
      text += new TextDecoder().decode(value);
    }
    await reader.cancel();
    const last = [...text.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1] ?? "";
    vendors.mock("openai").release();
    text += await (await vendors.client.get(`/v1/streams/${stream}?after=${last}`)).text();
    const numbers = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(text.match(/^event: response\.completed$/gm)).toHaveLength(1);
    const { output_text } = await sdk().responses.retrieve(/"id":"(resp_\w+)"/.exec(text)?.[1] ?? "");
    expect(output_text).toBe("one two three");
    const whole = await vendors.client.post("/v1/responses", { ...body, stream: false }, headers);
    expect(whole.status).toBe(400);
  });
});

describe("thoughts", () => {
  test("of Anthropic go round with their signatures, for whoever keeps nothing here", async () => {
    const content = [
      { type: "thinking", thinking: "Look it up.", signature: "sig/==" },
      { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Rome" } },
    ] as const;
    vendors.claude.next({ content, stopReason: "tool_use" }, { content: [{ type: "text", text: "Sunny" }] });
    const wanted = {
      model: "anthropic-model",
      tools: [weather],
      reasoning: { effort: "low" },
      store: false,
      include: ["reasoning.encrypted_content"],
    } as const;
    const question = { role: "user", content: "Weather?" } as const;
    const first = await sdk()
      .responses.stream({ ...wanted, tools: [weather], include: [...wanted.include], input: [question] })
      .finalResponse();
    expect(first.output.map(({ type }) => type)).toEqual(["reasoning", "function_call"]);
    const second = await sdk().responses.create({
      ...wanted,
      tools: [weather],
      include: [...wanted.include],
      input: [
        question,
        ...first.output,
        { type: "function_call_output", call_id: "toolu_1", output: "sun" },
      ] as OpenAI.Responses.ResponseInput,
    });
    expect(second.output_text).toBe("Sunny");
    expect(vendors.claude.asked.at(-1)?.messages).toMatchObject([
      { role: "user" },
      { role: "assistant", content },
      {},
    ]);
  });

  test("are not shown in sealed form to whoever did not ask, and still go round by what was kept", async () => {
    const content = [
      { type: "thinking", thinking: "Look it up.", signature: "sig/==" },
      { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Rome" } },
    ] as const;
    vendors.claude.next({ content, stopReason: "tool_use" }, { content: [{ type: "text", text: "Sunny" }] });
    const wanted = { model: "anthropic-model", tools: [weather], reasoning: { effort: "low" as const } };
    const first = await sdk().responses.create({ ...wanted, input: "Weather?" });
    expect(JSON.stringify(first)).not.toContain("encrypted_content");
    await sdk().responses.create({
      ...wanted,
      previous_response_id: first.id,
      input: [{ type: "function_call_output", call_id: "toolu_1", output: "sun" }],
    });
    expect(vendors.claude.asked.at(-1)?.messages).toMatchObject([
      { role: "user" },
      { role: "assistant", content },
      {},
    ]);
  });

  test("of an open model are told as reasoning, before the answer", async () => {
    vendors.mock("deepseek").next({ text: "so", reasoningTokens: 3 });
    const response = await sdk().responses.create({ model: "deepseek-model", input: "Why?" });
    expect(response.output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
    expect(response.usage).toMatchObject({
      output_tokens: 4,
      output_tokens_details: { reasoning_tokens: 3 },
    });
  });
});

describe("limits and wishes", () => {
  test("a key's rate is told in headers, and refuses with when to come back", async () => {
    vendors.mock("openai").next({ text: "first" });
    const limited = await vendors.gateway.client("1", { limits: { qps: 1, burst: 1 } });
    const ask = () => limited.post("/v1/responses", { model: "openai-model", input: "x" });
    const first = await ask();
    expect(first.headers.get("x-ratelimit-limit-requests")).toBe("1");
    expect(first.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    await first.text();
    const second = await ask();
    expect([second.status, second.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(await second.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  });

  test("a wish that means nothing is refused by its header", async () => {
    const body = { model: "openai-model", input: "x" };
    const response = await vendors.client.post("/v1/responses", body, { "x-sluice-timeout-idle": "soon" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "x-sluice-timeout-idle" } });
  });

  test("a small balance caps the answer, and says so", async () => {
    vendors.mock("openai").next({ tokens: 400, promptTokens: 5 });
    const poor = await vendors.gateway.client("0.001");
    const response = await poor.post("/v1/responses", { model: "openai-model", input: "x" });
    expect(Number(response.headers.get("x-sluice-capped"))).toBeLessThan(130);
    expect(await response.json()).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
    });
  });
});

describe("a whole answer that is none", () => {
  test.each([
    ["a page of HTML", HTML, 502],
    ["half an object", HALF_JSON, 502],
    ["nothing", EMPTY, 502],
    ["a closed connection", SILENCE, 502],
    ["a prompt that is too long", { refusal: "context_length" }, 400],
  ] as const)("is an error and no response, and costs nothing: %s", async (_, script, status) => {
    vendors.mock("doubao").always(script);
    const before = (await vendors.client.balance()).spent;
    const error = await refusal(sdk().responses.create({ model: "doubao-model", input: "x" }));
    expect(error.status).toBe(status);
    expect(JSON.stringify(error.error)).not.toContain("sk-mock");
    expect((await vendors.client.balance()).spent).toBe(before);
    vendors.mock("doubao").always({});
  });

  test("one that was filtered is incomplete and says why", async () => {
    vendors.mock("openai").next({ text: "I", finishReason: "content_filter" });
    const { status, incomplete_details: details } = await sdk().responses.create({
      model: "openai-model",
      input: "x",
    });
    expect([status, details]).toEqual(["incomplete", { reason: "content_filter" }]);
  });
});

test("what cannot be done is refused by the name that it has here, or told in a header", async () => {
  const create = async (more: object) => {
    const body = { model: "anthropic-model", input: "x", ...more };
    const answer = (await (await vendors.client.post("/v1/responses", body)).json()) as {
      error?: { code: string; param: string };
    };
    return [answer.error?.code, answer.error?.param];
  };
  expect(await create({ background: true })).toEqual(["unsupported_parameter", "background"]);
  expect(await create({ tools: [{ type: "web_search" }] })).toEqual([
    "unsupported_parameter",
    "tools[0].type",
  ]);
  expect(await create({ messages: [] })).toEqual(["unsupported_parameter", "messages"]);
  expect(await create({ input: [] })).toEqual(["invalid_request", "input"]);
  expect(await create({ conversation: "conv_1" })).toEqual(["unsupported_parameter", "conversation"]);
  vendors.claude.next({ content: [{ type: "text", text: "y" }] });
  const dropped = await vendors.client.post("/v1/responses", {
    model: "anthropic-model",
    input: "x",
    truncation: "auto",
    text: { verbosity: "high" },
  });
  expect(dropped.headers.get("x-sluice-dropped")).toContain("truncation");
  expect(dropped.headers.get("x-sluice-dropped")).toContain("text.verbosity");
  expect(await vendors.gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});
