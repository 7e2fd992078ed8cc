import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Packr, unpack } from "msgpackr";
import { type Client, type Gateway, startGateway } from "./gateway.ts";

/** Bodies and frames that nobody means: nested without end, or made of millions of nothings. */
let gateway: Gateway;
let client: Client;

const MIB = 1024 * 1024;

beforeAll(async () => {
  gateway = await startGateway({
    models: {
      "sandbox-chat": [{ vendor: "sandbox", model: "sandbox-chat", price: { input: 1, output: 3 } }],
    },
  });
  client = await gateway.client("10");
}, 90_000);
afterAll(() => gateway.dispose(), 60_000);

const lists = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const BODIES: readonly (readonly [what: string, body: string])[] = [
  ["opens lists and never closes them", "[".repeat(31 * MIB)],
  ["opens objects and never closes them", '{"a":'.repeat(6 * MIB)],
  ["is lists in lists", `{"model":"sandbox-chat","messages":${lists(8 * MIB)}}`],
  ["is lists in lists, and short", `{"model":"sandbox-chat","messages":${lists(2_000)}}`],
  [
    "is lists in lists behind a long text",
    `{"model":"${"\\".repeat(2 * MIB)}","messages":${lists(100_000)}}`,
  ],
  ["is millions of lists", `{"model":"sandbox-chat","messages":[${"[],".repeat(8 * MIB)}1]}`],
];
const PATHS = [
  "/v1/chat/completions",
  "/api/v1/chat",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/moderations",
  "/v1/rerank",
  "/v1/responses",
  "/v1/audio/speech",
  "/v1/images/generations",
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/v1beta/models/sandbox-chat:generateContent",
  "/v1beta/models/sandbox-chat:streamGenerateContent",
  "/v1beta/models/sandbox-chat:countTokens",
  "/v1/tasks",
  "/v1/batches",
  "/mj/submit/imagine",
] as const;

/** What the dialects call it, wherever they say so. */
const REFUSALS = /invalid_request|INVALID_ARGUMENT|"code":\s*4/;

async function expectAlive(): Promise<void> {
  const messages = [{ role: "user", content: "hi" }];
  const response = await client.post("/v1/chat/completions", { model: "sandbox-chat", messages });
  await response.text();
  expect(response.status).toBe(200);
}

describe.each(BODIES)("a body that %s", (_, body) => {
  test("is refused by every door that reads JSON, and the next request is served", async () => {
    for (const path of PATHS) {
      const response = await client.post(path, body);
      const text = await response.text();
      // Midjourney's dialect refuses with 200 and a code in words of its own.
      expect([path, response.status, REFUSALS.test(text)]).toEqual([
        path,
        path.startsWith("/mj/") ? response.status : 400,
        true,
      ]);
      expect(text).not.toContain("[[[[");
      expect(text).not.toContain("internal");
    }
    await expectAlive();
  }, 120_000);

  test("is no line of a batch", async () => {
    const line = `{"body":${body}}`;
    const response = await client.post("/v1/tasks", `{"body":{}}\n${line.slice(0, 30 * MIB)}`, {
      "content-type": "application/jsonl",
    });
    const { error } = (await response.json()) as { error: { code: string; param: string } };
    expect(response.status).toBe(400);
    expect(error.param).toStartWith("requests[1]");
  }, 60_000);

  test("is refused by the admin API, which takes short ones only", async () => {
    const response = await fetch(`${gateway.url}/admin/v1/tenants`, {
      method: "POST",
      headers: { authorization: "Bearer sk-admin-for-tests" },
      body,
    });
    await response.text();
    expect(response.status).toBe(body.length > MIB ? 413 : 400);
  }, 60_000);
});

test("lines without end are too many, empty or not", async () => {
  const lines = (text: string) => client.post("/v1/tasks", text, { "content-type": "application/jsonl" });
  for (const text of ["1\n".repeat(15 * MIB), "\n".repeat(30 * MIB)]) {
    const response = await lines(text);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: "invalid_request", param: "requests" } },
    ]);
  }
}, 60_000);

interface Heard {
  readonly type: string;
  readonly id?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Sends one frame; what is answered, and how the socket was closed if it was. */
async function sent(frame: string | Uint8Array<ArrayBuffer>, isBinary: boolean) {
  const protocol = isBinary ? "sluice.v1.msgpack" : "sluice.v1.json";
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws`, [
    protocol,
    `sluice.key.${client.key}`,
  ]);
  socket.binaryType = "arraybuffer";
  const heard: Heard[] = [];
  const closed = Promise.withResolvers<number | "open">();
  socket.onopen = () => socket.send(frame);
  socket.onclose = ({ code }) => closed.resolve(code);
  socket.onmessage = ({ data }) => {
    const told: Heard =
      typeof data === "string" ? JSON.parse(data) : unpack(new Uint8Array(data as ArrayBuffer));
    heard.push(told);
    // A pong says that the socket is still good.
    if (told.type === "pong") closed.resolve("open");
    else if (told.id !== undefined) {
      const ping = { type: "ping" };
      socket.send(isBinary ? new Uint8Array(new Packr().pack(ping)) : JSON.stringify(ping));
    }
  };
  const end = await closed.promise;
  socket.close();
  return { error: heard[0]?.error?.code, message: heard[0]?.error?.message, end };
}

describe("a frame", () => {
  test.each([
    ["nested without end", "[".repeat(20 * MIB), "invalid_request"],
    [
      "with a body nested without end",
      `{"type":"generate","id":"a","body":${lists(4 * MIB)}}`,
      "invalid_request",
    ],
    [
      "of millions of lists",
      `{"type":"generate","id":"a","body":[${"[],".repeat(4 * MIB)}1]}`,
      "invalid_request",
    ],
  ])(
    "in JSON, %s, is refused, and ends its socket",
    async (_, frame, error) => {
      expect(await sent(frame, false)).toMatchObject({ error, end: 1007 });
      await expectAlive();
    },
    60_000,
  );

  test("that is short and deep is refused by its name, and its socket stays", async () => {
    const messages = `{"model":"sandbox-chat","messages":${lists(2_000)}}`;
    expect(await sent(`{"type":"generate","id":"a","body":${messages}}`, false)).toMatchObject({
      error: "invalid_request",
      end: "open",
    });
    await expectAlive();
  }, 60_000);

  const wide = (byte: number): Uint8Array<ArrayBuffer> => {
    const frame = new Uint8Array(16 * MIB).fill(byte);
    // A list of as many values as there are bytes left.
    frame.set([0xdd, 0x00, 0xff, 0xff, 0xfb]);
    return frame;
  };
  test.each([
    ["nested without end", new Uint8Array(16 * MIB).fill(0x91), "invalid_request"],
    ["of millions of lists", wide(0x90), "invalid_request"],
    ["of millions of nothings", wide(0xc0), "invalid_request"],
  ])(
    "in MessagePack, %s, is refused, and ends its socket",
    async (_, frame, error) => {
      expect(await sent(frame, true)).toMatchObject({ error, end: 1007 });
      await expectAlive();
    },
    60_000,
  );
});
