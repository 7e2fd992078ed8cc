import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, type Gateway, startGateway } from "./gateway.ts";

/** Pages in a browser, as its requests look from here. */
let open: Gateway;
let client: Client;
const APP = "https://app.example.com";

beforeAll(async () => {
  open = await startGateway({ server: { cors: { origins: [APP] } } });
  client = await open.client("10");
}, 90_000);
afterAll(() => open.dispose(), 60_000);

const CHAT = { model: "sandbox-chat", messages: [{ role: "user", content: "hi" }] };
const corsOf = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith("access-"));

test("a page's call is let through: its preflight, its answer, its stream, its refusals", async () => {
  const preflight = await fetch(`${open.url}/v1/chat/completions`, {
    method: "OPTIONS",
    headers: {
      origin: APP,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,x-sluice-resumable",
    },
  });
  expect([preflight.status, preflight.headers.get("access-control-allow-headers")]).toEqual([
    204,
    "authorization,content-type,x-sluice-resumable".replaceAll(",", ", "),
  ]);
  for (const body of [CHAT, { ...CHAT, stream: true }, { ...CHAT, model: "nobody" }]) {
    const response = await client.post("/v1/chat/completions", body, { origin: APP });
    await response.text();
    expect(response.headers.get("access-control-allow-origin")).toBe(APP);
    expect(response.headers.get("access-control-expose-headers")).toContain("x-request-id");
  }
  const noKey = await fetch(`${open.url}/v1/models`, { headers: { origin: APP } });
  expect([noKey.status, noKey.headers.get("access-control-allow-origin")]).toEqual([401, APP]);
  const admin = await fetch(`${open.url}/admin/v1/tenants`, { headers: { origin: APP } });
  expect([admin.status, corsOf(admin)]).toEqual([401, []]);
  const metrics = await (await fetch(`${open.url}/metrics`)).text();
  expect(metrics).toContain('api_request_total{method="OPTIONS",endpoint="preflight",status="204"} 1');
});

test("a WebSocket still opens", async () => {
  const socket = new WebSocket(`${open.url.replace("http", "ws")}/v1/ws`, [`sluice.key.${client.key}`]);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("it was refused"));
  });
  socket.close();
});

test("a page of another origin is told nothing, and without the setting none is", async () => {
  const stranger = await client.post("/v1/chat/completions", CHAT, { origin: "https://evil.example" });
  await stranger.text();
  expect([stranger.status, corsOf(stranger)]).toEqual([200, []]);
  const closed = await startGateway({});
  try {
    const own = await closed.client("10");
    const response = await own.post("/v1/chat/completions", CHAT, { origin: APP });
    await response.text();
    expect([response.status, corsOf(response), response.headers.get("vary")]).toEqual([200, [], null]);
    const headers = { origin: APP, "access-control-request-method": "POST" };
    const preflight = await fetch(`${closed.url}/v1/chat/completions`, { method: "OPTIONS", headers });
    expect([preflight.status, corsOf(preflight)]).toEqual([405, []]);
  } finally {
    await closed.dispose();
  }
}, 90_000);
