import { afterEach, describe, expect, test } from "bun:test";
import type { Transport } from "../adapters/adapter.ts";
import { nextOf } from "../core/poll.ts";
import { ask, callTo, failure, textOf } from "./testing/calls.ts";
import { type Peer, type RawServer, rawServer } from "./testing/raw-server.ts";
import type { Upstream } from "./upstream.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const whole = (body: string, head = OK): string => `${head}content-length: ${body.length}\r\n\r\n${body}`;

/** What every way to call vendors must do, over real sockets. */
export function upstreamSuite(name: string, create: () => Upstream): void {
  describe(`calling vendors by ${name}`, () => {
    const closing: (() => void)[] = [];
    afterEach(() => {
      for (const close of closing.splice(0)) close();
    });

    function subject(): Transport {
      const made = create();
      closing.push(() => made.close());
      return made.call;
    }

    function server(answer: (peer: Peer, request: string) => void): RawServer {
      const made = rawServer(answer);
      closing.push(() => made[Symbol.dispose]());
      return made;
    }

    const answers: readonly [string, string, string][] = [
      ["a length", whole("hello"), "hello"],
      ["a length of nothing", whole(""), ""],
      [
        "chunks",
        `${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
        "hello world",
      ],
      [
        "chunks with extensions and trailers",
        `${OK}Transfer-Encoding: Chunked\r\n\r\n5;a=b;c="d"\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n`,
        "hello",
      ],
      [
        "an interim answer before it",
        `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${whole("hello")}`,
        "hello",
      ],
      ["no body, by its status", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ];
    test.each(answers)("an answer with %s is read", async (_, bytes, text) => {
      const { url } = server((peer) => peer.send(bytes));
      const response = await ask(subject(), callTo(url));
      expect(await textOf(response)).toBe(text);
      expect(response.ok).toBe(true);
    });

    test.each(answers)("an answer with %s is read when it comes byte by byte", async (_, bytes, text) => {
      const { url } = server(async (peer) => {
        for (const byte of bytes) {
          peer.send(byte);
          await Bun.sleep(0);
        }
      });
      const response = await ask(subject(), callTo(url));
      expect(Buffer.from((await response.bytes(100)) ?? []).toString()).toBe(text);
    });

    test("an answer that the connection's end ends is read", async () => {
      const { url } = server((peer) => {
        peer.send(`${OK}connection: close\r\n\r\nhello`);
        peer.close();
      });
      expect(await textOf(await ask(subject(), callTo(url)))).toBe("hello");
    });

    test("the request arrives as it was meant", async () => {
      const { url, requests } = server((peer) => peer.send(whole("")));
      const call = subject();
      await ask(call, callTo(`${url}/chat?a=b`, { body: "grüße" }));
      await ask(call, callTo(url, { body: Uint8Array.from([1, 2, 3]) }));
      await ask(call, callTo(url, { method: "GET", body: "", headers: {} }));
      expect(requests[0]).toStartWith("POST /v1/chat?a=b HTTP/1.1\r\n");
      expect(requests[0]?.toLowerCase()).toContain("\r\nauthorization: bearer sk-test\r\n");
      expect(requests[0]?.toLowerCase()).toContain("\r\ncontent-length: 7\r\n");
      expect(requests[0]?.toLowerCase()).toContain(`\r\nhost: ${new URL(url).host}\r\n`);
      expect(requests[0]).toEndWith(Buffer.from("grüße").toString("latin1"));
      expect(requests[1]).toEndWith("\r\n\r\n\x01\x02\x03");
      expect(requests[2]).toStartWith("GET /v1 HTTP/1.1\r\n");
    });

    test("a large request arrives whole at a server that reads slowly", async () => {
      let received = 0;
      const listener = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          open(socket) {
            socket.pause();
            setTimeout(() => socket.resume(), 20);
          },
          data(socket, bytes) {
            received += bytes.length;
            if (received > 8 * 1024 * 1024) socket.write(whole("all"));
          },
        },
      });
      closing.push(() => listener.stop(true));
      const body = "x".repeat(8 * 1024 * 1024);
      const response = await ask(subject(), callTo(`http://127.0.0.1:${listener.port}/`, { body }));
      expect(await textOf(response)).toBe("all");
    });

    test("status and fields are the vendor's, also of a refusal", async () => {
      const { url } = server((peer) =>
        peer.send(whole("no", "HTTP/1.1 429 Too Many\r\nRetry-After:  7 \r\nX-A: 1\r\nx-a: 2\r\n")),
      );
      const response = await ask(subject(), callTo(url));
      expect([response.status, response.ok]).toEqual([429, false]);
      expect(response.headers.get("retry-after")).toBe("7");
      expect(response.headers.get("x-a")).toBe("1, 2");
      expect(response.headers.get("x-none")).toBeNull();
      expect(await textOf(response)).toBe("no");
    });

    test("a redirect is an answer, and is not followed", async () => {
      const { url, requests } = server((peer) =>
        peer.send(whole("", "HTTP/1.1 307 Elsewhere\r\nlocation: /v2\r\n")),
      );
      expect((await ask(subject(), callTo(url))).status).toBe(307);
      expect(requests).toHaveLength(1);
    });

    test.each([
      ["closed", (peer: Peer) => peer.close()],
      ["reset", (peer: Peer) => peer.reset()],
    ])("an answer that is cut by a connection %s is an error of its body, never its end", async (_, cut) => {
      for (const framing of ["content-length: 100\r\n\r\n", "transfer-encoding: chunked\r\n\r\n5\r\n"]) {
        const { url } = server(async (peer) => {
          peer.send(`${OK}${framing}hello`);
          await Bun.sleep(10);
          cut(peer);
        });
        expect(await textOf(await ask(subject(), callTo(url)))).toMatch(/^hello!./);
        expect(await failure(ask(subject(), callTo(url)).then((answer) => answer.bytes(1_000)))).not.toBe(
          "no failure",
        );
      }
    });

    test("a connection that closes without an answer is an error of the call", async () => {
      const { url } = server((peer) => peer.close());
      expect(await failure(ask(subject(), callTo(url)))).not.toBe("no failure");
    });

    test("a server that is not there is an error of the call", async () => {
      const gone = server(() => {});
      gone[Symbol.dispose]();
      expect(await failure(ask(subject(), callTo(gone.url)))).not.toBe("no failure");
    });

    test.each(["before the call", "before the answer", "within the body", "while the body is read whole"])(
      "an abort %s is an AbortError, and the vendor's connection closes",
      async (when) => {
        const asked = Promise.withResolvers<Peer>();
        const { url } = server((peer) => {
          asked.resolve(peer);
          if (when !== "before the answer")
            peer.send(`${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`);
        });
        const call = subject();
        const abort = new AbortController();
        if (when === "before the call") {
          abort.abort();
          expect(await failure(ask(call, callTo(url), abort.signal))).toBe("AbortError");
          return;
        }
        const calling = ask(call, callTo(url), abort.signal);
        const peer = await asked.promise;
        if (when === "before the answer") {
          abort.abort();
          expect(await failure(calling)).toBe("AbortError");
        } else {
          const response = await calling;
          if (when === "within the body") {
            expect(await nextOf(response)).not.toBeNull();
            const next = failure(nextOf(response));
            abort.abort();
            expect(await next).toBe("AbortError");
          } else {
            const all = failure(Promise.resolve(response.bytes(1_000)));
            abort.abort();
            expect(await all).toBe("AbortError");
          }
        }
        await peer.gone;
      },
    );

    test("a body that nobody reads on is given up, and the vendor's connection closes", async () => {
      const asked = Promise.withResolvers<Peer>();
      const { url } = server((peer) => {
        peer.send(`${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`);
        asked.resolve(peer);
      });
      const response = await ask(subject(), callTo(url));
      expect(await nextOf(response)).not.toBeNull();
      response.cancel();
      await (await asked.promise).gone;
    });

    test("a body beyond the bound is not read on", async () => {
      const { url } = server((peer) => peer.send(whole("x".repeat(5_000))));
      const call = subject();
      expect(await (await ask(call, callTo(url))).bytes(4_999)).toBeUndefined();
      expect((await (await ask(call, callTo(url))).bytes(5_000))?.length).toBe(5_000);
    });

    test("a large body is the same bytes, whether read whole or in pieces", async () => {
      const bytes = Buffer.alloc(6 * 1024 * 1024, "0123456789abcdefghij!");
      const web = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(bytes) });
      closing.push(() => void web.stop(true));
      const call = subject();
      const url = `http://127.0.0.1:${web.port}/`;
      const read = await (await ask(call, callTo(url))).bytes(bytes.length);
      expect(bytes.equals(read ?? new Uint8Array())).toBe(true);
      expect((await textOf(await ask(call, callTo(url)))) === bytes.toString()).toBe(true);
    });

    test("an answer's last bytes may come with the server's farewell", async () => {
      const { url } = server((peer) => {
        peer.send(whole("hello", `${OK}connection: close\r\n`));
        peer.close();
      });
      const call = subject();
      for (let time = 0; time < 3; time += 1) {
        expect(await textOf(await ask(call, callTo(url)))).toBe("hello");
      }
    });
  });
}
