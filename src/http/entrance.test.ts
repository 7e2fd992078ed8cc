import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Server } from "bun";
import { silentLog } from "../core/log.ts";
import { seededRandom } from "../core/random.ts";
import { createApp } from "./app.ts";
import { createEntrance } from "./entrance.ts";

const ports = { log: silentLog, random: seededRandom(1), countRequest() {} };
let server: Server<undefined>;
beforeAll(() => {
  const app = createApp(ports)
    .get("/inside/:name", ({ params }) => `inside ${params.name}`)
    .get("/breaks", () => "");
  const entrance = createEntrance(
    {
      fetch(request) {
        if (request.url.endsWith("/breaks")) throw new Error("no route is to blame");
        return app.fetch(request);
      },
    },
    ports,
  );
  server = Bun.serve({ port: 0, development: false, ...entrance });
});
afterAll(() => server.stop(true));

/** One request as it stands; answers what comes until the connection closes. */
function ask(head: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  void Bun.connect({
    hostname: "127.0.0.1",
    port: server.port ?? 0,
    socket: {
      open: (socket) => void socket.write(`${head}\r\nconnection: close\r\n\r\n`),
      data(_, bytes) {
        text += bytes.toString();
      },
      close: () => resolve(text),
    },
  });
  return promise;
}

test.each(["x", "a.b", "x:80", "gateway.internal:8080", "[::1]:8080", ""])(
  "the path is what stands in the request, under the host '%s'",
  async (host) => {
    expect(await ask(`GET /inside/me HTTP/1.1\r\nhost: ${host}`)).toEndWith("inside me");
    const elsewhere = await ask(`GET /v1/inside/me HTTP/1.1\r\nhost: ${host}`);
    expect(elsewhere).toStartWith("HTTP/1.1 404");
    expect(elsewhere).toContain("Unknown request URL: GET /v1/inside/me");
  },
);

test("a load balancer that speaks HTTP/1.0 needs no host", async () => {
  expect(await ask("GET /inside/me HTTP/1.0")).toEndWith("inside me");
});

test.each(["x/inside", "ab?cd", "ab#cd", "a/b@cd", "a b", "[::1", "x:99999"])(
  "the host '%s' is none and refused",
  async (host) => {
    const answer = await ask(`GET /inside/me HTTP/1.1\r\nhost: ${host}`);
    expect(answer).toStartWith("HTTP/1.1 400");
    expect(answer).toContain(`"param":"Host"`);
  },
);

test("what fails before its route is an error of ours, without a word of the inside", async () => {
  const answer = await ask("GET /breaks HTTP/1.1\r\nhost: x");
  expect(answer).toStartWith("HTTP/1.1 500");
  expect(answer).toContain(`"code":"internal_error"`);
  expect(answer).not.toContain("no route is to blame");
});
