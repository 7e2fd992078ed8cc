import { afterAll, beforeAll, expect, test } from "bun:test";
import { draw } from "../src/adapters/sandbox/media/drawing.ts";
import { type Client, type Gateway, startGateway } from "./gateway.ts";

/** POSTs that generate nothing, sent again under their `Idempotency-Key`. */
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await startGateway({}, { SLUICE_FETCH_ALLOW: "127.0.0.1" });
  client = await gateway.client("10");
}, 60_000);
afterAll(() => gateway.dispose(), 60_000);

const picture = (text: string): Uint8Array =>
  draw({ text, width: 16, height: 16, isTransparent: false, salt: text });

async function sent(path: string, key: string, body?: Uint8Array | FormData | string) {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${client.key}`, "idempotency-key": key },
    ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body.slice() : body }),
  });
  const { headers } = response;
  return {
    status: response.status,
    text: await response.text(),
    isReplay: headers.get("x-sluice-idempotent-replay") === "true",
    request: headers.get("x-request-id"),
  };
}

const form = (text: string): FormData => {
  const made = new FormData();
  made.set("file", new File([picture(text).slice()], `${text}.png`, { type: "image/png" }));
  return made;
};

const hook = (at: string) => JSON.stringify({ url: `http://127.0.0.1:9/${at}` });

type Body = Uint8Array | FormData | string;
/** What is sent, and another body under the same key. */
type Case = readonly [
  name: string,
  path: string,
  body: () => Body | undefined,
  other: (() => Body) | undefined,
];
const CASES: readonly Case[] = [
  ["an upload", "/v1/media", () => picture("one"), () => picture("two")],
  ["a form with a picture, whose boundary is a new one", "/v1/media", () => form("a"), () => form("b")],
  ["a test of a webhook", "/v1/webhooks/test", () => hook("a"), () => hook("b")],
  ["a new secret", "/v1/webhooks/secret", () => undefined, () => "{}"],
  ["a ticket", "/v1/ws/tickets", () => undefined, undefined],
  [
    "an upload of Midjourney's dialect",
    "/mj/submit/upload-discord-images",
    () => JSON.stringify({ base64Array: [Buffer.from(picture("x")).toString("base64")] }),
    () => JSON.stringify({ base64Array: [Buffer.from(picture("y")).toString("base64")] }),
  ],
];

test.each(CASES)("%s is taken once, and answered alike", async (name, path, body, other) => {
  const [first, again] = [await sent(path, name, body()), await sent(path, name, body())];
  expect(first.status).toBeLessThan(300);
  expect([again.status, again.text, again.request]).toEqual([first.status, first.text, first.request]);
  expect([first.isReplay, again.isReplay]).toEqual([false, true]);
  if (other === undefined) return;
  const conflict = await sent(path, name, other());
  expect([conflict.status, conflict.text]).toMatchObject([
    409,
    expect.stringContaining("idempotency_conflict"),
  ]);
});

test("a ticket is not given again to another key of its tenant", async () => {
  const first = await sent("/v1/ws/tickets", "mine");
  const { key } = await gateway.admin<{ key: string }>("POST", `/tenants/${client.tenant}/keys`, {
    name: "b",
  });
  const response = await fetch(`${gateway.url}/v1/ws/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "idempotency-key": "mine" },
  });
  expect([first.status, response.status]).toEqual([200, 409]);
});

test("a task is cancelled once, and a delivery sent again once", async () => {
  const made = await client.post("/v1/tasks", {
    model: "sandbox-image",
    prompt: "[[sandbox async ms=60000]] x",
  });
  const { id } = (await made.json()) as { id: string };
  const cancel = () => sent(`/v1/tasks/${id}/cancel`, "stop");
  const [first, again] = [await cancel(), await cancel()];
  expect([first.status, again.text, again.isReplay]).toEqual([200, first.text, true]);
  const { text } = await sent("/v1/webhooks/test", "to be sent again", hook("c"));
  const delivery = (JSON.parse(text) as { id: string }).id;
  const resend = () => sent(`/v1/webhooks/deliveries/${delivery}/resend`, "again");
  const [sentFirst, sentAgain] = [await resend(), await resend()];
  expect([sentFirst.status, sentAgain.text, sentAgain.isReplay]).toEqual([202, sentFirst.text, true]);
});
