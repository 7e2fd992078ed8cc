import { afterAll, beforeAll, expect, test } from "bun:test";
import OpenAI, { toFile } from "openai";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

/** Batches out of files that were uploaded: by OpenAI's own SDK, and as tasks. */
let gateway: Gateway;
let vendor: MockVendor;
let database: TestDatabase;

const HALF_CALL = 500_000n;

beforeAll(async () => {
  vendor = startMockVendor();
  database = await testDatabase();
  gateway = await startGateway(
    {
      server: { media: { maxBytes: "2MB" } },
      vendors: {
        far: { adapter: "openai-compatible", baseUrl: vendor.url, keys: ["sk-of-the-vendor-0123"] },
      },
      models: {
        chat: [{ vendor: "far", model: "x", price: { call: 1, serviceTiers: { batch: 50 } } }],
      },
    },
    { DATABASE_URL: database.url },
  );
}, 90_000);
afterAll(async () => {
  await gateway.dispose();
  vendor.stop();
  await database.drop();
}, 60_000);

const sdkOf = (client: Client) =>
  new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const line = (id: number, more: object = {}) => ({
  custom_id: `c-${id}`,
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: "chat", messages: [{ role: "user", content: `line ${id}` }] },
  ...more,
});
const jsonl = (...lines: readonly unknown[]): string => lines.map((one) => JSON.stringify(one)).join("\n");
const fileOf = (text: string, name = "requests.jsonl") => toFile(Buffer.from(text), name);
const linesIn = (text: string) =>
  text
    .split("\n")
    .filter((one) => one !== "")
    .map(
      (one) => JSON.parse(one) as { readonly custom_id: string; readonly response: { status_code: number } },
    );
const ENDS: readonly string[] = ["completed", "failed", "cancelled"];

async function batchEnded(openai: OpenAI, id: string): Promise<OpenAI.Batch> {
  for (;;) {
    const batch = await openai.batches.retrieve(id);
    if (ENDS.includes(batch.status)) return batch;
    await Bun.sleep(25);
  }
}

async function expectCharged(client: Client, halves: number): Promise<void> {
  while (micro((await client.balance()).reserved) !== 0n) await Bun.sleep(20);
  expect(micro((await client.balance()).spent)).toBe(HALF_CALL * BigInt(halves));
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
}

async function refusal(work: Promise<unknown>): Promise<readonly [number, string, string | null, string]> {
  try {
    await work;
  } catch (thrown) {
    if (!(thrown instanceof OpenAI.APIError)) throw thrown;
    return [thrown.status as number, String(thrown.code), thrown.param ?? null, thrown.message];
  }
  throw new Error("it was not refused");
}

test("OpenAI's SDK uploads a file, has it done and reads what came of it; each line is charged once, at half", async () => {
  const client = await gateway.client("100");
  const openai = sdkOf(client);
  vendor.always({});
  const bad = line(2, { body: { model: "nobody", messages: [{ role: "user", content: "x" }] } });
  const text = jsonl(line(1), bad, line(3));
  const file = await openai.files.create({ purpose: "batch", file: await fileOf(text) });
  expect(file).toMatchObject({
    object: "file",
    purpose: "batch",
    filename: "requests.jsonl",
    bytes: Buffer.byteLength(text),
    status: "processed",
  });
  expect(await openai.files.retrieve(file.id)).toEqual(file);
  expect(await (await openai.files.content(file.id)).text()).toBe(text);
  const made = await openai.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    metadata: { of: "tonight" },
  });
  expect(made).toMatchObject({
    object: "batch",
    endpoint: "/v1/chat/completions",
    input_file_id: file.id,
    completion_window: "24h",
    status: "in_progress",
    output_file_id: null,
    metadata: { of: "tonight" },
    request_counts: { total: 3 },
  });
  const batch = await batchEnded(openai, made.id);
  expect(batch).toMatchObject({
    status: "completed",
    request_counts: { total: 3, completed: 2, failed: 1 },
    errors: null,
  });
  expect(batch.completed_at).toBeGreaterThanOrEqual(batch.created_at);
  const [good, errors] = [batch.output_file_id ?? "", batch.error_file_id ?? ""];
  const output = await (await openai.files.content(good)).text();
  expect(linesIn(output).map((one) => [one.custom_id, one.response.status_code])).toEqual([
    ["c-1", 200],
    ["c-3", 200],
  ]);
  const failed = linesIn(await (await openai.files.content(errors)).text());
  expect(failed.map((one) => [one.custom_id, one.response.status_code])).toEqual([["c-2", 404]]);
  expect(await openai.files.retrieve(good)).toMatchObject({
    purpose: "batch_output",
    bytes: Buffer.byteLength(output),
  });
  await expectCharged(client, 2);
  // It is the same task.
  const task = (await (await client.get(`/v1/tasks/${made.id}`)).json()) as object;
  expect(task).toMatchObject({ type: "batch", status: "succeeded", cost: "1", input_file: file.id });
  // What it was made of may go; what came of it stays.
  expect(await openai.files.delete(file.id)).toMatchObject({ id: file.id, deleted: true });
  expect((await refusal(openai.files.retrieve(file.id))).slice(0, 2)).toEqual([404, "not_found"]);
  expect((await refusal(openai.files.delete(good))).slice(0, 2)).toEqual([409, "conflict"]);
}, 60_000);

test("files and batches are listed page by page, the newest first", async () => {
  const client = await gateway.client("100");
  const openai = sdkOf(client);
  vendor.always({});
  const ids: string[] = [];
  for (const at of [1, 2, 3]) {
    const file = await openai.files.create({
      purpose: "batch",
      file: await fileOf(jsonl(line(at)), `${at}.jsonl`),
    });
    const batch = await openai.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    });
    ids.unshift(batch.id);
  }
  const names: string[] = [];
  for await (const { filename } of openai.files.list({ limit: 2 })) names.push(filename);
  expect(names).toEqual(["3.jsonl", "2.jsonl", "1.jsonl"]);
  expect((await openai.files.list({ purpose: "assistants" })).data).toEqual([]);
  const listed: string[] = [];
  for await (const { id } of openai.batches.list({ limit: 2 })) listed.push(id);
  expect(listed).toEqual(ids);
  for (const id of ids) await batchEnded(openai, id);
}, 60_000);

test("a batch that is cancelled says so, and pays for what was done alone", async () => {
  const client = await gateway.client("100");
  const openai = sdkOf(client);
  vendor.always({ hold: "headers" });
  const lines = Array.from({ length: 20 }, (_, at) => line(at));
  const file = await openai.files.create({ purpose: "batch", file: await fileOf(jsonl(...lines)) });
  const { id } = await openai.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  await vendor.held.reached(8);
  expect(await openai.batches.cancel(id)).toMatchObject({ status: "cancelling" });
  vendor.always({});
  vendor.release();
  const batch = await batchEnded(openai, id);
  expect(batch).toMatchObject({
    status: "cancelled",
    request_counts: { total: 20, completed: 8, failed: 0 },
  });
  expect(linesIn(await (await openai.files.content(batch.output_file_id ?? "")).text())).toHaveLength(8);
  expect(batch.error_file_id).toBeNull();
  await expectCharged(client, 8);
}, 60_000);

test("an upload by any door becomes a task's input, and a form's file name says that it is JSON lines", async () => {
  const client = await gateway.client("100");
  vendor.always({});
  const text = jsonl({ body: line(1).body }, { body: line(2).body });
  const bare = await client.post("/v1/media", text, { "content-type": "application/jsonl" });
  const form = new FormData();
  form.set("file", new File([text], "two.jsonl"));
  const formed = await fetch(`${gateway.url}/v1/media`, {
    method: "POST",
    headers: { authorization: `Bearer ${client.key}` },
    body: form,
  });
  for (const upload of [bare, formed]) {
    expect(upload.status).toBe(201);
    const { id, content_type } = (await upload.json()) as { id: string; content_type: string };
    expect(content_type).toBe("application/jsonl");
    const response = await client.post("/v1/tasks", { type: "batch", input_file: id });
    const task = (await response.json()) as { id: string };
    expect([response.status, task]).toMatchObject([201, { input_file: id }]);
    const ended = await batchEnded(sdkOf(client), task.id);
    expect(ended).toMatchObject({ status: "completed", request_counts: { total: 2, completed: 2 } });
  }
  await expectCharged(client, 4);
}, 60_000);

test("what cannot be a batch is refused with its line, whoever's file it is, and nothing is begun", async () => {
  const client = await gateway.client("100");
  const openai = sdkOf(client);
  const batchOf = async (text: string, who = openai, endpoint = "/v1/chat/completions") => {
    const file = await openai.files.create({ purpose: "batch", file: await fileOf(text) });
    return refusal(
      who.batches.create({
        input_file_id: file.id,
        endpoint: endpoint as "/v1/embeddings",
        completion_window: "24h",
      }),
    );
  };
  expect(await batchOf(`${jsonl(line(1))}\n\n{"custom_id":`)).toEqual([
    400,
    "invalid_json",
    "input_file_id[2]",
    "400 Line 3 is not JSON.",
  ]);
  expect(await batchOf(jsonl(line(1), line(2), line(1)))).toMatchObject([
    400,
    "invalid_request",
    "input_file_id[2].custom_id",
    expect.stringContaining("Line 3: "),
  ]);
  expect((await batchOf(jsonl(line(1, { url: "/v1/tasks" })))).slice(0, 3)).toEqual([
    400,
    "invalid_request",
    "input_file_id[0].url",
  ]);
  expect((await batchOf(jsonl(line(1, { body: { stream: true } })))).slice(0, 3)).toEqual([
    400,
    "invalid_request",
    "input_file_id[0].body.stream",
  ]);
  expect((await batchOf(jsonl(line(1)), openai, "/v1/files")).slice(0, 3)).toEqual([
    400,
    "invalid_request",
    "endpoint",
  ]);
  const deep = `{"body":{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}}`;
  expect((await batchOf(deep)).slice(0, 3)).toEqual([400, "invalid_request", "input_file_id[0]"]);
  // Another tenant's, and one that may not do what a line asks for.
  const stranger = sdkOf(await gateway.client("100"));
  expect((await batchOf(jsonl(line(1)), stranger)).slice(0, 3)).toEqual([404, "not_found", "input_file_id"]);
  const key = await gateway.admin<{ key: string }>("POST", `/tenants/${client.tenant}/keys`, {
    name: "narrow",
    scopes: ["embeddings"],
  });
  const narrow = new OpenAI({ apiKey: key.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  expect((await batchOf(jsonl(line(1)), narrow)).slice(0, 2)).toEqual([403, "permission_denied"]);
  expect((await openai.batches.list()).data).toEqual([]);
  expect(micro((await client.balance()).spent)).toBe(0n);
}, 60_000);

test("a key for chats alone has its own file done, and sees and removes nothing that others have uploaded", async () => {
  const client = await gateway.client("100");
  vendor.always({});
  const key = await gateway.admin<{ key: string }>("POST", `/tenants/${client.tenant}/keys`, {
    name: "in a page",
    scopes: ["chat"],
  });
  const narrow = sdkOf({ ...client, key: key.key });
  const { id } = await sdkOf(client).files.create({ purpose: "batch", file: await fileOf(jsonl(line(1))) });
  const others = [() => narrow.files.list(), () => narrow.files.content(id), () => narrow.files.delete(id)];
  for (const work of others) {
    expect((await refusal(Promise.resolve(work()))).slice(0, 2)).toEqual([403, "permission_denied"]);
  }
  expect(await (await sdkOf(client).files.content(id)).text()).toBe(jsonl(line(1)));
  const own = await narrow.files.create({ purpose: "batch", file: await fileOf(jsonl(line(2))) });
  const { id: made } = await narrow.batches.create({
    input_file_id: own.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  const { output_file_id: output } = await batchEnded(narrow, made);
  expect(linesIn(await (await narrow.files.content(output ?? "")).text())).toHaveLength(1);
}, 60_000);

test("what is no file of JSON lines is not kept as one, and a picture is no batch", async () => {
  const client = await gateway.client("100");
  const openai = sdkOf(client);
  const upload = (text: string, purpose: "batch" | "assistants" = "batch") =>
    fileOf(text).then((file) => refusal(openai.files.create({ purpose, file })));
  expect((await upload("hello")).slice(0, 3)).toEqual([400, "invalid_request", "file"]);
  expect((await upload("")).slice(0, 3)).toEqual([400, "invalid_request", "file"]);
  expect((await upload(jsonl(line(1)), "assistants")).slice(0, 3)).toEqual([
    400,
    "invalid_request",
    "purpose",
  ]);
  expect((await upload(`{"a":"${"x".repeat(2 * 1024 * 1024)}"}`)).slice(0, 2)).toEqual([
    413,
    "payload_too_large",
  ]);
  const gif = await client.post("/v1/media", "GIF89a, though not a good one", {
    "content-type": "image/gif",
  });
  const { id } = (await gif.json()) as { id?: string };
  for (const picture of [id ?? "med_none", "med_none"]) {
    const response = await client.post("/v1/tasks", { type: "batch", input_file: picture });
    const { error } = (await response.json()) as { error: object };
    expect([response.status, error]).toMatchObject([404, { code: "not_found", param: "input_file" }]);
  }
}, 60_000);

test("a file and a batch that are asked for again under their key are the same ones", async () => {
  const client = await gateway.client("100");
  const openai = sdkOf(client);
  vendor.always({});
  const options = { idempotencyKey: "tonight's" };
  const upload = async () =>
    openai.files.create(
      { purpose: "batch", file: await fileOf(jsonl(line(1))) },
      { headers: { "idempotency-key": "the file" } },
    );
  const file = await upload();
  expect(await upload()).toEqual(file);
  const body = {
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  } as const;
  const headers = { "idempotency-key": options.idempotencyKey };
  const { id } = await openai.batches.create(body, { headers });
  // The file is gone; the answer is not.
  await openai.files.delete(file.id);
  expect((await openai.batches.create(body, { headers })).id).toBe(id);
  await batchEnded(openai, id);
  await expectCharged(client, 1);
}, 60_000);

test("a file of fifty thousand lines is taken whole; one line more is refused", async () => {
  const client = await gateway.client("0");
  const openai = sdkOf(client);
  const many = (count: number) => Array.from({ length: count }, () => '{"body":{}}').join("\n");
  const made = async (count: number) => {
    const file = await openai.files.create({ purpose: "batch", file: await fileOf(many(count)) });
    return openai.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    });
  };
  const batch = await made(50_000);
  expect(batch.request_counts?.total).toBe(50_000);
  await openai.batches.cancel(batch.id);
  expect((await batchEnded(openai, batch.id)).status).toBe("cancelled");
  expect((await refusal(made(50_001))).slice(0, 3)).toEqual([400, "invalid_request", "input_file_id"]);
}, 60_000);
