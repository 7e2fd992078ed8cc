import { afterEach, beforeEach, expect, test } from "bun:test";
import net from "node:net";
import { connect } from "./testing/client.ts";
import { startServer } from "./testing/server.ts";

let server: ReturnType<typeof startServer>;
beforeEach(() => {
  server = startServer();
});
afterEach(() => server.stop());

/** The server's whole answer to a handshake, as text: what a WebSocket client would not show. */
function handshake(headers: readonly string[], path = "/v1/ws"): Promise<string> {
  const request = [
    `GET ${path} HTTP/1.1`,
    "Host: test",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...headers,
    "",
    "",
  ];
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(server.url.port), "127.0.0.1", () =>
      socket.write(request.join("\r\n")),
    );
    socket.on("error", reject);
    socket.on("data", (data) => {
      socket.destroy();
      resolve(data.toString());
    });
  });
}

const jsonOf = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")));

test("a key in a header opens a socket; JSON is spoken when nothing is asked for", async () => {
  const client = await connect(server.url);
  expect(client.ws.protocol).toBe("");
  client.send({ type: "ping", t: 1 });
  expect(await client.next()).toEqual({ type: "pong", t: 1 });
});

test("both subprotocols answer the same objects", async () => {
  const json = await connect(server.url, { protocols: ["sluice.v1.json"] });
  expect(json.ws.protocol).toBe("sluice.v1.json");
  const binary = await connect(server.url, { protocols: ["sluice.v1.msgpack"] });
  expect(binary.ws.protocol).toBe("sluice.v1.msgpack");
  json.send({ type: "ping", t: "x" });
  // {"type":"ping","t":"x"} in MessagePack
  binary.send(
    Uint8Array.from([
      0x82,
      0xa4,
      ...Buffer.from("type"),
      0xa4,
      ...Buffer.from("ping"),
      0xa1,
      0x74,
      0xa1,
      0x78,
    ]),
  );
  expect(await binary.next()).toEqual(await json.next());
});

test("a key as subprotocol opens a socket, and is echoed only where nothing else could be", async () => {
  for (const [offer, taken] of [
    ["sluice.v1.msgpack, sluice.key.sk-acme", "sluice.v1.msgpack"],
    ["sluice.key.sk-acme, sluice.v1.msgpack", "sluice.v1.msgpack"],
    ["sluice.key.sk-acme", "sluice.key.sk-acme"],
  ]) {
    const answer = await handshake([`Sec-WebSocket-Protocol: ${offer}`]);
    expect(answer).toStartWith("HTTP/1.1 101 ");
    expect(/sec-websocket-protocol: (.*)\r\n/i.exec(answer)?.[1]).toBe(taken);
    expect(answer.includes("sk-acme")).toBe(taken === offer);
  }
});

test("no key, no socket: 401 in the shape of the dialect", async () => {
  const answer = await handshake([]);
  expect(answer).toStartWith("HTTP/1.1 401 ");
  expect(jsonOf(answer)).toMatchObject({ error: { code: "invalid_api_key" } });
  await expect(connect(server.url, { key: undefined })).rejects.toThrow();
});

test("a wrong key, an unknown ticket and a wrong key as subprotocol are refused the same way", async () => {
  expect(await handshake(["Authorization: Bearer nonsense"])).toStartWith("HTTP/1.1 401 ");
  expect(await handshake([], "/v1/ws?ticket=wst_nonsense")).toStartWith("HTTP/1.1 401 ");
  expect(await handshake(["Sec-WebSocket-Protocol: sluice.key.nonsense"])).toStartWith("HTTP/1.1 401 ");
});

test("only unknown subprotocols are a 400 that names the known ones", async () => {
  const answer = await handshake(["Authorization: Bearer sk-acme", "Sec-WebSocket-Protocol: graphql-ws"]);
  expect(answer).toStartWith("HTTP/1.1 400 ");
  expect(answer).toContain("sluice.v1.json or sluice.v1.msgpack");
});

test("a plain request is told to upgrade, and costs no ticket", async () => {
  const { ticket } = await issue();
  const response = await fetch(new URL(`/v1/ws?ticket=${ticket}`, server.url));
  expect(response.status).toBe(426);
  expect(await handshake([], `/v1/ws?ticket=${ticket}`)).toStartWith("HTTP/1.1 101 ");
});

test("a key has so many sockets on a node and no more; one that closes makes room", async () => {
  server.stop();
  server = startServer(undefined, 2);
  const [first, second] = [await connect(server.url), await connect(server.url)];
  const refused = await handshake(["Authorization: Bearer sk-acme"]);
  expect(refused).toStartWith("HTTP/1.1 429");
  expect(jsonOf(refused)).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  first.ws.close();
  await first.closed;
  await second.settled();
  const third = await connect(server.url);
  await third.settled();
});

test("a ticket opens one socket, with the key that asked for it", async () => {
  const { ticket, expires_in } = await issue();
  expect(expires_in).toBe(60);
  const client = await connect(server.url, { key: undefined, path: `/v1/ws?ticket=${ticket}` });
  await client.settled();
  await expect(connect(server.url, { key: undefined, path: `/v1/ws?ticket=${ticket}` })).rejects.toThrow();
  client.generate("a");
  await client.until("started");
  expect(server.gateway.authenticated.at(-1)).toEqual({
    credential: { secret: "sk-acme", address: "127.0.0.1" },
    scope: "chat",
  });
});

test("a ticket is too old after a minute", async () => {
  const { ticket } = await issue();
  await server.clock.advance(60_000);
  expect(await handshake([], `/v1/ws?ticket=${ticket}`)).toStartWith("HTTP/1.1 401 ");
});

test("tickets are for valid keys only", async () => {
  const path = new URL("/v1/ws/tickets", server.url);
  expect((await fetch(path, { method: "POST" })).status).toBe(401);
  const headers = { authorization: "Bearer nonsense" };
  expect((await fetch(path, { method: "POST", headers })).status).toBe(401);
});

async function issue(): Promise<{ ticket: string; expires_in: number }> {
  const headers = { authorization: "Bearer sk-acme" };
  const response = await fetch(new URL("/v1/ws/tickets", server.url), { method: "POST", headers });
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  return (await response.json()) as { ticket: string; expires_in: number };
}
