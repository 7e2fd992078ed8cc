import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, type Gateway, startGateway } from "./gateway.ts";

/** Accounts that may only use endpoint ids: each key has names of its own for the same model. */
const FIRST = "ep-20260101000000-aaaaa";
const SECOND = "ep-20260202000000-bbbbb";
const VECTORS = "ep-20260303000000-ccccc";
const KEYS: Readonly<Record<string, readonly string[]>> = {
  "Bearer one": [FIRST],
  "Bearer two": [SECOND, VECTORS],
};

const asked: string[] = [];
let isFirstBroken = false;
/** The vendor: knows each key's own endpoints and nothing else. */
const vendor = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    const { model } = (await request.json()) as { readonly model: string }; // what our own adapter wrote
    asked.push(model);
    if (isFirstBroken && model === FIRST) {
      const error = { code: "AccountOverdueError", message: "The account is overdue.", type: "Forbidden" };
      return Response.json({ error }, { status: 403 });
    }
    if (KEYS[request.headers.get("authorization") ?? ""]?.includes(model) !== true) {
      const code = "InvalidEndpointOrModel.ModelIDAccessDisabled";
      return Response.json(
        { error: { code, message: "Use an endpoint.", type: "NotFound" } },
        { status: 404 },
      );
    }
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    if (request.url.endsWith("/embeddings")) {
      return Response.json({
        object: "list",
        data: [{ object: "embedding", index: 0, embedding: [1] }],
        model,
        usage,
      });
    }
    const choices = [{ index: 0, message: { role: "assistant", content: model }, finish_reason: "stop" }];
    return Response.json({ id: "1", object: "chat.completion", created: 1, model, choices, usage });
  },
});

let gateway: Gateway;
let client: Client;
beforeAll(async () => {
  const price = { input: 1, output: 2 };
  const adapter = { adapter: "doubao", baseUrl: `http://127.0.0.1:${vendor.port}` };
  gateway = await startGateway({
    vendors: {
      ark: {
        ...adapter,
        keys: [
          { id: "one", key: "one", models: { "doubao-seed-2-1-pro-260915": FIRST } },
          { id: "two", key: "two", models: { "doubao-seed-2-1-pro-260915": SECOND } },
        ],
      },
      alone: { ...adapter, keys: [{ id: "two", key: "two", models: { "doubao-embedding": VECTORS } }] },
    },
    models: {
      seed: [{ vendor: "ark", model: "doubao-seed-2-1-pro-260915", price }],
      named: [{ vendor: "alone", model: SECOND, price }],
      vectors: [
        { vendor: "alone", model: "doubao-embedding", operations: ["embedding"], price: { input: 1 } },
      ],
      unmapped: [{ vendor: "alone", model: "doubao-seed-2-1-pro-260915", price }],
    },
  });
  client = await gateway.client("1000");
}, 90_000);
afterAll(async () => {
  await gateway.dispose();
  await vendor.stop(true);
}, 60_000);

const chat = (model: string) =>
  client.post("/v1/chat/completions", { model, messages: [{ role: "user", content: "hi" }] });

test("each key asks for the model by its own endpoint id", async () => {
  asked.length = 0;
  for (let calls = 0; calls < 8; calls += 1) expect((await chat("seed")).status).toBe(200);
  expect(new Set(asked)).toEqual(new Set([FIRST, SECOND]));
  expect(asked).toHaveLength(8);
});

test("when a key's account fails, the next key is asked by its own id, and the receipt names the public one", async () => {
  isFirstBroken = true;
  asked.length = 0;
  const answer = await chat("seed");
  isFirstBroken = false;
  expect(answer.status).toBe(200);
  expect(asked.at(-1)).toBe(SECOND);
  expect(answer.headers.get("x-sluice-model")).toBe("doubao-seed-2-1-pro-260915");
  const receipt = await client.get(`/v1/receipts/${answer.headers.get("x-request-id")}`);
  expect(await receipt.json()).toMatchObject({
    vendor_model: "doubao-seed-2-1-pro-260915",
    outcome: "completed",
  });
});

test("an endpoint id may be the candidate's model, and embeddings have endpoints too", async () => {
  expect((await chat("named")).status).toBe(200);
  expect(asked.at(-1)).toBe(SECOND);
  const vectors = await client.post("/v1/embeddings", { model: "vectors", input: "hi" });
  expect(vectors.status).toBe(200);
  expect(asked.at(-1)).toBe(VECTORS);
});

test("a model id that the account may not use is the operator's mistake, not the client's", async () => {
  const answer = await chat("unmapped");
  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({ error: { code: "vendor_unavailable" } });
});
