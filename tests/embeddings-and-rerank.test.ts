import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Server } from "bun";
import OpenAI from "openai";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";

/** Vectors of every vendor that has them, and rerank, asked for by the published SDK; the vendors' shapes are constructed. */
let vendor: Server<unknown>;
let gateway: Gateway;
let client: Client;
let openai: OpenAI;
const asked: { readonly path: string; readonly body: Record<string, unknown> }[] = [];

const VENDORS = ["openai", "qwen", "gemini", "doubao"] as const;
const TOKENS_A_TEXT = 7;

beforeAll(async () => {
  vendor = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  const base = `http://127.0.0.1:${vendor.port}`;
  const vectors = (name: string) => ({
    vendor: name,
    model: "vectors",
    operations: ["embedding"],
    price: { input: 3 },
  });
  const rerank = (name: string, model: string) => [
    { vendor: name, model, operations: ["rerank"], price: { input: 2 } },
  ];
  gateway = await startGateway({
    vendors: {
      openai: { adapter: "openai", baseUrl: `${base}/v1`, keys: ["sk-a"] },
      qwen: { adapter: "qwen", baseUrl: `${base}/compatible-mode/v1`, keys: ["sk-b"] },
      "qwen-native": { adapter: "qwen", baseUrl: `${base}/api/v1`, keys: ["sk-b"] },
      gemini: { adapter: "gemini", baseUrl: `${base}/v1beta`, keys: ["sk-c"] },
      doubao: { adapter: "doubao", baseUrl: `${base}/api/v3`, keys: ["sk-d"] },
      jina: { adapter: "openai-compatible", baseUrl: `${base}/v1`, keys: ["sk-e"] },
    },
    routing: { strategy: "priority" },
    models: {
      ...Object.fromEntries(VENDORS.map((name) => [`${name}-vectors`, [vectors(name)]])),
      "gemini-then-openai": [vectors("gemini"), vectors("openai")],
      "qwen3-rerank": rerank("qwen", "qwen3-rerank"),
      "gte-rerank-v2": rerank("qwen", "gte-rerank-v2"),
      "native-rerank": rerank("qwen-native", "qwen3-rerank"),
      "jina-rerank": rerank("jina", "jina-reranker-v3"),
      "by-search": [
        { vendor: "jina", model: "cohere-rerank", operations: ["rerank"], price: { call: 0.002 } },
      ],
    },
  });
  client = await gateway.client("10");
  openai = new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
}, 60_000);
afterAll(async () => {
  await gateway.dispose();
  await vendor.stop(true);
}, 60_000);

async function answer(request: Request): Promise<Response> {
  const { pathname: path } = new URL(request.url);
  const body = (await request.json()) as Record<string, unknown>;
  asked.push({ path, body });
  if (path.includes("rerank")) return ranking(path, body);
  if (path.endsWith(":embedContent")) return Response.json({ embedding: { values: vectorOf(body, 0) } });
  if (path.endsWith(":batchEmbedContents")) {
    const { requests } = body as { requests: object[] };
    return Response.json({ embeddings: requests.map((each, at) => ({ values: vectorOf(each, at) })) });
  }
  const texts = [body.input].flat();
  if (texts.includes("[busy]")) return Response.json({ error: { message: "Overloaded." } }, { status: 503 });
  const data = texts.map((text, index) => ({
    object: "embedding",
    index,
    embedding: shown(numbered(text) ?? vectorOf(body, index), body),
  }));
  // Nothing says that a vendor keeps the order of a call's texts.
  if (texts.some(numbered)) data.reverse();
  const prompt_tokens = texts.length * TOKENS_A_TEXT;
  return Response.json({
    object: "list",
    data,
    model: "vectors",
    usage: { prompt_tokens, total_tokens: prompt_tokens },
  });
}

/** The vector of a text that ends with its number begins with that. */
function numbered(text: unknown): number[] | undefined {
  const [, number] = /^a text that ends with its number (\d+)$/.exec(String(text)) ?? [];
  return number === undefined ? undefined : [Number(number), 0, 0];
}

function vectorOf(body: object, at: number): number[] {
  const { dimensions, outputDimensionality } = body as { dimensions?: number; outputDimensionality?: number };
  return Array.from(
    { length: dimensions ?? outputDimensionality ?? 3 },
    (_, index) => (index === 0 ? 1 : 0) + at,
  );
}

const shown = (vector: number[], { encoding_format }: Record<string, unknown>) =>
  encoding_format === "base64" ? Buffer.from(new Float32Array(vector).buffer).toString("base64") : vector;

/** Jina's, Cohere's and both of Model Studio's. */
function ranking(path: string, body: Record<string, unknown>): Response {
  const results = [
    { index: 1, relevance_score: 0.2 },
    { index: 0, relevance_score: 0.9, document: { text: "a vendor's own copy" } },
  ];
  if (path.startsWith("/api/v1/")) {
    return Response.json({ output: { results }, usage: { total_tokens: 79 }, request_id: "r-1" });
  }
  if (body.model === "cohere-rerank") {
    return Response.json({ id: "c-1", results, meta: { billed_units: { search_units: 1 } } });
  }
  return Response.json({ object: "list", results, model: body.model, usage: { total_tokens: 79 } });
}

async function chargedFor(response: Response): Promise<bigint> {
  const cost = response.headers.get("x-sluice-cost");
  if (cost === null) throw new Error("the answer tells no cost");
  return micro(cost);
}

describe.each(VENDORS)("embeddings of %s", (name) => {
  test("are vectors of the length that was asked for, in the SDK's own encoding", async () => {
    const { data } = await openai.embeddings.create({
      model: `${name}-vectors`,
      input: ["a", "b"],
      dimensions: 5,
    });
    expect(data).toHaveLength(2);
    expect(data.map(({ embedding }) => embedding.length)).toEqual([5, 5]);
    expect(data[0]?.embedding[0]).toBeCloseTo(1);
  });

  test("come as numbers or as base64, as the client wants", async () => {
    for (const encoding_format of ["float", "base64"] as const) {
      const response = await client.post("/v1/embeddings", {
        model: `${name}-vectors`,
        input: "a",
        encoding_format,
      });
      const { data } = (await response.json()) as { data: { embedding: unknown }[] };
      const vector = data[0]?.embedding;
      if (encoding_format === "float") expect(vector).toEqual([1, 0, 0]);
      else
        expect([...new Float32Array(new Uint8Array(Buffer.from(String(vector), "base64")).buffer)]).toEqual([
          1, 0, 0,
        ]);
      const told = response.headers.get("x-sluice-vendor");
      expect(told).toBe(name);
    }
  });

  test("are charged what the vendor counted, and by an estimate where it counts nothing", async () => {
    const { response } = await openai.embeddings
      .create({ model: `${name}-vectors`, input: ["one", "two", "three"] })
      .withResponse();
    const charged = await chargedFor(response);
    if (name === "gemini") expect(charged).toBeGreaterThan(0n);
    else expect(charged).toBe(BigInt(3 * TOKENS_A_TEXT * 3));
  });
});

describe("more texts than a vendor takes at once", () => {
  const texts = (count: number) => Array.from({ length: count }, (_, at) => `text ${at}`);
  const ask = (model: string, count: number) => client.post("/v1/embeddings", { model, input: texts(count) });

  test.each([
    ["qwen", 2_049],
    ["gemini", 101],
    ["openai", 2_049],
  ] as const)("%s with %d is refused by the field", async (name, count) => {
    const response = await ask(`${name}-vectors`, count);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "input" } });
  });

  test("go to a vendor that takes them", async () => {
    const response = await ask("gemini-then-openai", 101);
    expect(response.headers.get("x-sluice-vendor")).toBe("openai");
    expect(((await response.json()) as { data: object[] }).data).toHaveLength(101);
  });
});

describe("texts in several calls of one request", () => {
  const texts = (count: number) =>
    Array.from({ length: count }, (_, at) => `a text that ends with its number ${at}`);
  const calls = () => asked.filter(({ path }) => path.startsWith("/compatible-mode"));

  async function receiptOf(response: Response) {
    const id = response.headers.get("x-request-id") ?? "";
    for (;;) {
      const answer = await client.get(`/v1/receipts/${id}`);
      if (answer.ok) return (await answer.json()) as Record<string, unknown>;
      await answer.text();
      await Bun.sleep(20);
    }
  }

  test.each(["float", "base64"] as const)(
    "are one answer in their order (%s), and one charge by the sum of what was counted",
    async (encoding_format) => {
      asked.length = 0;
      const input = texts(25);
      const response = await client.post("/v1/embeddings", {
        model: "qwen-vectors",
        input,
        encoding_format,
      });
      const body = (await response.json()) as {
        object: string;
        data: { index: number; embedding: unknown }[];
        usage: object;
      };
      const numbers = body.data.map(({ embedding }) =>
        Array.isArray(embedding)
          ? embedding[0]
          : new Float32Array(new Uint8Array(Buffer.from(String(embedding), "base64")).buffer)[0],
      );
      expect(numbers).toEqual(input.map((_, at) => at));
      expect(body.data.map(({ index }) => index)).toEqual(numbers);
      expect(body.usage).toEqual({ prompt_tokens: 25 * TOKENS_A_TEXT, total_tokens: 25 * TOKENS_A_TEXT });
      expect(calls().map(({ body: sent }) => [sent.input].flat().length)).toEqual([10, 10, 5]);
      expect(await chargedFor(response)).toBe(BigInt(25 * TOKENS_A_TEXT * 3));
      expect(await receiptOf(response)).toMatchObject({
        outcome: "completed",
        flags: [],
        usage: { input: 25 * TOKENS_A_TEXT },
      });
    },
  );

  test("of which one fails are none: the client pays nothing, the platform for what was counted", async () => {
    asked.length = 0;
    const input = [...texts(20), "[busy]"];
    const response = await client.post("/v1/embeddings", { model: "qwen-vectors", input });
    expect(response.status).toBe(502);
    expect(await receiptOf(response)).toMatchObject({
      outcome: "failed",
      charged: "0",
      flags: ["platform_loss"],
      usage: { input: 20 * TOKENS_A_TEXT },
    });
    expect(calls()).toHaveLength(3);
  });

  test("of which the first fails cost one call", async () => {
    asked.length = 0;
    const response = await client.post("/v1/embeddings", {
      model: "qwen-vectors",
      input: ["[busy]", ...texts(30)],
    });
    expect(response.status).toBe(502);
    expect(calls()).toHaveLength(1);
    expect(await receiptOf(response)).toMatchObject({ outcome: "failed", charged: "0", flags: [] });
  });

  test("as tokens are nothing that Qwen knows", async () => {
    const response = await client.post("/v1/embeddings", { model: "qwen-vectors", input: [1, 2, 3] });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: "unsupported_parameter", param: "input" } });
  });
});

test("the books are right after all of it", async () => {
  const { ok, checks } = await gateway.admin<{ ok: boolean; checks: object[] }>("GET", "/ledger/reconcile");
  expect([ok, ok ? [] : checks]).toEqual([true, []]);
});

describe("rerank", () => {
  const ask = (model: string, more: object = {}) =>
    client.post("/v1/rerank", { model, query: "water", documents: ["river", { text: "fire" }], ...more });

  test.each([
    ["qwen3-rerank", "/compatible-api/v1/reranks"],
    ["gte-rerank-v2", "/api/v1/services/rerank/text-rerank/text-rerank"],
    ["native-rerank", "/api/v1/services/rerank/text-rerank/text-rerank"],
    ["jina-rerank", "/v1/rerank"],
  ])(
    "%s is asked at its own path, answers in one form, and costs the tokens that were told",
    async (model, path) => {
      const response = await ask(model, { return_documents: true });
      expect(await response.json()).toMatchObject({
        object: "list",
        model,
        results: [
          { index: 0, relevance_score: 0.9, document: { text: "river" } },
          { index: 1, relevance_score: 0.2, document: { text: "fire" } },
        ],
        usage: { total_tokens: 79 },
      });
      expect(asked.at(-1)?.path).toBe(path);
      expect(await chargedFor(response)).toBe(158n);
    },
  );

  test("gives the best only, without documents, where that is asked for", async () => {
    const response = await ask("jina-rerank", { top_n: 1 });
    expect(((await response.json()) as { results: object[] }).results).toEqual([
      { index: 0, relevance_score: 0.9 },
    ]);
  });

  test("of a vendor that counts searches costs a call", async () => {
    expect(await chargedFor(await ask("by-search"))).toBe(2_000n);
  });

  test("without a query or documents is refused by the field", async () => {
    const param = async (more: object) =>
      ((await (await ask("jina-rerank", more)).json()) as { error: { param: string } }).error.param;
    expect(await param({ query: "" })).toBe("query");
    expect(await param({ documents: [] })).toBe("documents");
    expect(await param({ documents: [1] })).toBe("documents[0]");
    expect(await param({ top_n: 0 })).toBe("top_n");
  });
});
