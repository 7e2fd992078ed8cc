import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { CLAID_HOOK_SECRET, type MockPhotoStudios, startMockPhotoStudios } from "./mock-photo-studios.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

/** Photoroom and Claid through the whole gateway, with the prices that come with it and those that a file gives. */
let vendors: MockPhotoStudios;
let database: TestDatabase;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  vendors = startMockPhotoStudios();
  database = await testDatabase();
  gateway = await startGateway(
    {
      vendors: {
        photoroom: { adapter: "photoroom", baseUrl: vendors.photoroomUrl },
        claid: {
          adapter: "claid",
          baseUrl: vendors.claidUrl,
          keys: ["claid-key-0123456789"],
          hookSecret: CLAID_HOOK_SECRET,
        },
        // Named by no model: it serves what is built in.
        spare: { adapter: "claid", baseUrl: vendors.claidUrl, keys: ["claid-key-9876543210"] },
      },
      models: {
        edit: [{ vendor: "claid", model: "edit", operations: ["image_edit"], price: { image: 0.05 } }],
        words: [{ vendor: "claid", model: "ai-edit", operations: ["image_edit"], price: { image: 0.3 } }],
        draw: [{ vendor: "claid", model: "generate", operations: ["image"], price: { image: 0.2 } }],
      },
    },
    {
      DATABASE_URL: database.url,
      SLUICE_FETCH_ALLOW: "127.0.0.1",
      PHOTOROOM_API_KEY: "photoroom-key-0123456789",
    },
  );
}, 90_000);
afterAll(async () => {
  await gateway.dispose();
  vendors.stop();
  await database.drop();
}, 60_000);
afterEach(() => vendors.behave({}));

const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const DATA = `data:image/png;base64,${PICTURE.toString("base64")}`;
const newClient = async () => {
  client = await gateway.client("10");
};
const edit = (fields: Record<string, string>): Promise<Response> => {
  const form = new FormData();
  form.set("image", new Blob([PICTURE], { type: "image/png" }), "cat.png");
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  const headers = { authorization: `Bearer ${client.key}` };
  return fetch(`${gateway.url}/v1/images/edits`, { method: "POST", headers, body: form });
};
interface Images {
  readonly data: readonly { readonly b64_json?: string; readonly url?: string }[];
}
interface TaskView {
  readonly id: string;
  readonly status: string;
  readonly cost: string | null;
  readonly error: { readonly code: string; readonly may_have_run?: boolean } | null;
}
const made = async (body: object): Promise<TaskView> => {
  const response = await client.post("/v1/tasks", body);
  expect(response.status).toBe(201);
  return (await response.json()) as TaskView;
};
const fetched = async (id: string): Promise<TaskView> =>
  (await (await client.get(`/v1/tasks/${id}`)).json()) as TaskView;
const reached = async (id: string, ...states: readonly string[]): Promise<TaskView> => {
  for (;;) {
    const task = await fetched(id);
    if (states.includes(task.status)) return task;
    if (ENDS.includes(task.status))
      throw new Error(`the task is ${task.status}: ${JSON.stringify(task.error)}`);
    await Bun.sleep(20);
  }
};
const ENDS = ["succeeded", "failed", "cancelled"];
const ended = (id: string) => reached(id, ...ENDS);
const expectSpent = async (points: string): Promise<void> => {
  while (micro((await client.balance()).reserved) !== 0n) await Bun.sleep(20);
  expect(micro((await client.balance()).spent)).toBe(micro(points));
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
};
/** As an operator finds it, to enter it at the vendor. */
const hookAddress = async (vendor: string): Promise<string> => {
  const { data } = await gateway.admin<{ data: { id: string; hook_path: string | null }[] }>(
    "GET",
    "/vendors",
  );
  return data.find(({ id }) => id === vendor)?.hook_path ?? "";
};
const codeOf = async (response: Response) =>
  [response.status, ((await response.json()) as { error: { code: string } }).error.code] as const;

describe("Photoroom", () => {
  test("takes a background away for what that costs, once for each idempotency key", async () => {
    await newClient();
    const seen = vendors.photoroom.length;
    const response = await edit({ model: "photoroom/remove-background", crop: "true" });
    const { data } = (await response.json()) as Images;
    expect([response.status, response.headers.get("x-sluice-cost")]).toEqual([200, "0.02"]);
    expect(Buffer.from(data[0]?.b64_json ?? "", "base64").toString("latin1", 1, 4)).toBe("PNG");
    expect(vendors.photoroom.slice(seen)).toEqual([
      {
        path: "/v1/segment",
        key: "photoroom-key-0123456789",
        fields: { image_file: PICTURE.byteLength, crop: "true" },
      },
    ]);
    await expectSpent("0.02");
  }, 60_000);

  test("edits by words, with its own options, and gives a link where that is wanted", async () => {
    await newClient();
    const seen = vendors.photoroom.length;
    const fields = {
      model: "photoroom/edit",
      prompt: "a red hat",
      "shadow.mode": "ai.soft",
      response_format: "url",
    };
    const { data } = (await (await edit(fields)).json()) as Images;
    expect((await fetch(data[0]?.url ?? "")).headers.get("content-type")).toBe("image/png");
    expect(vendors.photoroom.slice(seen)).toMatchObject([
      {
        path: "/v2/edit",
        fields: { "editWithAI.prompt": "a red hat", "shadow.mode": "ai.soft", removeBackground: "false" },
      },
    ]);
    await expectSpent("0.1");
  }, 60_000);

  test.each([
    ["page", 502, "vendor_unavailable"],
    ["wrong", 400, "invalid_request"],
    ["cut", 502, "vendor_unavailable"],
  ] as const)(
    "that answers with a %s costs nothing, and is asked once",
    async (photoroom, status, code) => {
      await newClient();
      const seen = vendors.photoroom.length;
      vendors.behave({ photoroom });
      expect(await codeOf(await edit({ model: "photoroom/remove-background" }))).toEqual([status, code]);
      expect(vendors.photoroom.length).toBe(seen + 1);
      await expectSpent("0");
    },
    60_000,
  );

  test("makes one picture a call: several are several calls, each charged", async () => {
    await newClient();
    const seen = vendors.photoroom.length;
    const response = await edit({ model: "photoroom/edit", prompt: "a hat", n: "3" });
    expect(((await response.json()) as Images).data).toHaveLength(3);
    expect(vendors.photoroom.length).toBe(seen + 3);
    await expectSpent("0.3");
  }, 60_000);

  test("whose plan is used up is not asked by that key any more, and nobody is told of the key", async () => {
    await newClient();
    vendors.behave({ photoroom: "no money" });
    const response = await edit({ model: "photoroom/background", prompt: "a beach" });
    const text = await response.text();
    expect(response.status).toBe(502);
    expect(text).not.toContain("photoroom-key");
    const seen = vendors.photoroom.length;
    vendors.behave({});
    expect((await edit({ model: "photoroom/background", prompt: "a beach" })).status).toBeGreaterThanOrEqual(
      500,
    );
    expect(vendors.photoroom.length).toBe(seen);
    await expectSpent("0");
  }, 60_000);
});

describe("Claid", () => {
  test("has no price of its own: it serves what a file prices", async () => {
    await newClient();
    expect(
      await codeOf(await client.post("/v1/images/generations", { model: "claid/generate", prompt: "a cat" })),
    ).toEqual([503, "model_not_priced"]);
    await expectSpent("0");
  });

  test("edits an upload by operations, and its picture is kept here", async () => {
    await newClient();
    const seen = vendors.claid.length;
    const operations = { padding: "10%" };
    const body = { model: "edit", image: DATA, operations, response_format: "url" };
    const { data } = (await (await client.post("/v1/images/edits", body)).json()) as Images;
    expect(data[0]?.url).toStartWith(`${gateway.url}/v1/media/`);
    const [asked] = vendors.claid.slice(seen);
    expect(asked).toMatchObject({ path: "/image/edit/upload", fields: { file: PICTURE.byteLength } });
    expect(JSON.parse(String(asked?.fields.data))).toMatchObject({ operations });
    await expectSpent("0.05");
  }, 60_000);

  test("draws as many pictures as are wanted", async () => {
    await newClient();
    const response = await client.post("/v1/images/generations", { model: "draw", prompt: "a cat", n: 3 });
    expect(((await response.json()) as Images).data).toHaveLength(3);
    expect(vendors.claid.at(-1)?.fields).toMatchObject({ input: "a cat", options: { number_of_images: 3 } });
    await expectSpent("0.6");
  }, 60_000);

  test("follows a job, and fails it without a charge", async () => {
    await newClient();
    const body = { model: "words", prompt: "add a duck", image: "https://pictures.test/cat.png" };
    expect(await ended((await made(body)).id)).toMatchObject({ status: "succeeded", cost: "0.3" });
    vendors.behave({ claidJob: "ERROR" });
    expect(await ended((await made(body)).id)).toMatchObject({ status: "failed", cost: "0" });
    await expectSpent("0.3");
  }, 60_000);

  test("is never posted twice: an answer that was lost fails the task, and says that it may have run", async () => {
    await newClient();
    const seen = vendors.claid.length;
    vendors.behave({ claid: "cut" });
    const body = { model: "words", prompt: "add a duck", image: "https://pictures.test/cat.png" };
    const task = await ended((await made(body)).id);
    expect(task).toMatchObject({ status: "failed", cost: "0", error: { may_have_run: true } });
    expect(vendors.claid.length).toBe(seen + 1);
    await expectSpent("0");
  }, 60_000);

  test("refuses by a field, whose name the client sees; one that is busy is asked again when it says", async () => {
    await newClient();
    vendors.behave({ claid: "wrong" });
    const refused = await client.post("/v1/images/edits", { model: "edit", image: DATA });
    expect(await refused.json()).toMatchObject({
      error: { code: "invalid_request", param: "operations.padding" },
    });
    vendors.behave({ claid: "busy" });
    const busy = await client.post("/v1/images/edits", { model: "edit", image: DATA });
    expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "1"]);
    await expectSpent("0");
  }, 60_000);

  test("that was busy has the task that waits for it, and is asked no sooner than it says", async () => {
    await newClient();
    vendors.behave({ claid: "busy" });
    const seen = vendors.claid.length;
    const { id } = await made({
      model: "words",
      prompt: "add a duck",
      image: "https://pictures.test/cat.png",
    });
    while (vendors.claid.length === seen) await Bun.sleep(20);
    vendors.behave({});
    expect(await ended(id)).toMatchObject({ status: "succeeded", cost: "0.3" });
    expect(vendors.claid.length).toBe(seen + 2);
    await expectSpent("0.3");
  }, 60_000);

  test("tells of a job by its signed webhook, where the operator has given it the address", async () => {
    await newClient();
    vendors.behave({ claidJob: "PROCESSING" });
    const { id } = await made({
      model: "words",
      prompt: "add a duck",
      image: "https://pictures.test/cat.png",
    });
    await reached(id, "running");
    const { body, signature } = vendors.claidMessage("DONE");
    const tell = (address: string, signed: string) =>
      fetch(`${gateway.url}${address}`, { method: "POST", headers: { "x-claid-hmac-sha256": signed }, body });
    expect((await tell("/v1/hooks/claid/guessed", signature)).status).toBe(401);
    const address = await hookAddress("claid");
    expect((await tell(address, signature.replace(/^./, "g"))).status).toBe(403);
    expect((await tell(address, signature)).status).toBe(204);
    expect(await ended(id)).toMatchObject({ status: "succeeded", cost: "0.3" });
    await expectSpent("0.3");
  }, 60_000);

  test("outlives a node that is killed while its job runs: posted once, charged once", async () => {
    await newClient();
    vendors.behave({ claidJob: "PROCESSING" });
    const seen = vendors.claid.length;
    const { id } = await made({
      model: "words",
      prompt: "add a duck",
      image: "https://pictures.test/cat.png",
    });
    await reached(id, "running");
    await gateway.kill();
    vendors.behave({});
    await gateway.restart();
    expect(await ended(id)).toMatchObject({ status: "succeeded", cost: "0.3" });
    expect(vendors.claid.length).toBe(seen + 1);
    await expectSpent("0.3");
  }, 90_000);
});
