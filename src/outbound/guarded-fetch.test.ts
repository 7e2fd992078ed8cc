import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Server } from "bun";
import { systemClock } from "../core/clock.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { createAllowance } from "./allowance.ts";
import { createOutbound, type OutboundPorts } from "./guarded-fetch.ts";
import { type OutboundCall, OutboundError } from "./outbound.ts";
import { PICTURES_EXAMPLE } from "./testing/certificate.ts";

let plain: Server<undefined>;
let secure: Server<undefined>;
const seen: { readonly host: string | null; readonly url: string; readonly headers: Headers }[] = [];

function answer(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  seen.push({ host: request.headers.get("host"), url: request.url, headers: request.headers });
  switch (pathname) {
    case "/to":
      return new Response(null, { status: 302, headers: { location: searchParams.get("url") ?? "" } });
    case "/ring":
      return new Response(null, { status: 307, headers: { location: "/ring" } });
    case "/large":
      return new Response(new Uint8Array(100_000));
    case "/endless":
      return new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(new Uint8Array(10_000));
          },
        }),
      );
    case "/packed":
      return new Response(Bun.gzipSync(new Uint8Array(1_000)), { headers: { "content-encoding": "gzip" } });
    case "/silent":
      return new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(1));
          },
        }),
      );
    case "/missing":
      return new Response("no", { status: 404 });
    default:
      return new Response(`hello ${pathname}`);
  }
}

beforeAll(() => {
  const serving = { port: 0, hostname: "127.0.0.1", fetch: answer };
  plain = Bun.serve(serving);
  secure = Bun.serve({ ...serving, tls: PICTURES_EXAMPLE });
});
afterAll(async () => {
  await plain.stop(true);
  await secure.stop(true);
});

function outbound(allow: readonly string[], ports: Partial<OutboundPorts> = {}) {
  return createOutbound({
    clock: systemClock,
    allowance: createAllowance(allow),
    resolve: async (host) => (host.endsWith(".example") ? ["127.0.0.1"] : Promise.reject(new Error("none"))),
    authority: PICTURES_EXAMPLE.cert,
    ...ports,
  });
}

const bounds = { mostBytes: 50_000, timeoutMs: 20_000 };

async function text(guard: ReturnType<typeof outbound>, url: string, call: Partial<OutboundCall> = {}) {
  const { body } = await guard.fetch({ url, ...bounds, ...call });
  return new Response(body).text();
}

async function reason(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof OutboundError) return thrown.reason;
    throw thrown;
  }
  return "none";
}

describe("a guarded fetch", () => {
  const loopback = ["127.0.0.0/8"];

  test("goes to the address that was checked, under the host's own name", async () => {
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      // Whoever asks a second time is led elsewhere.
      return [asked === 1 ? "127.0.0.1" : "127.0.0.2"];
    };
    const url = `http://pictures.example:${plain.port}/a?b=1#c`;
    expect(await text(outbound(loopback, { resolve }), url)).toBe("hello /a");
    expect(asked).toBe(1);
    expect(seen.at(-1)?.host).toBe(`pictures.example:${plain.port}`);
    expect(seen.at(-1)?.url).toEndWith("/a?b=1");
  });

  test("checks a certificate against the host's name, not against the address", async () => {
    const guard = outbound(loopback);
    expect(await text(guard, `https://pictures.example:${secure.port}/s`)).toBe("hello /s");
    expect(seen.at(-1)?.host).toBe(`pictures.example:${secure.port}`);
    expect(await reason(text(guard, `https://other.example:${secure.port}/s`))).toBe("unreachable");
    expect(await reason(text(guard, `https://127.0.0.1:${secure.port}/s`))).toBe("unreachable");
  });

  test("refuses an inside address however it is written, and says no more of it than of a name that is none", async () => {
    const guard = outbound([]);
    const inside = [
      `http://127.0.0.1:${plain.port}/`,
      "http://127.1/",
      "http://2130706433/",
      "http://0x7f.0.0.1/",
      "http://0177.0.0.1/",
      "http://[::1]/",
      "http://[::ffff:127.0.0.1]/",
      "http://[64:ff9b::7f00:1]/",
      "http://169.254.169.254/latest/meta-data/",
      "http://pictures.example/",
      "http://0/",
    ];
    const before = seen.length;
    for (const url of inside) expect([url, await reason(text(guard, url))]).toEqual([url, "forbidden"]);
    expect(seen).toHaveLength(before);
    expect(await reason(text(guard, "http://nowhere.invalid/"))).toBe("unresolved");
    const told = new Set(
      (["forbidden", "unresolved", "unreachable"] as const).map((kind) => new OutboundError(kind).message),
    );
    expect(told.size).toBe(1);
  });

  test("refuses a host of which one address is inside, and a port that is not the web's", async () => {
    const mixed = outbound([], { resolve: async () => ["93.184.216.34", "10.0.0.1"] });
    expect(await reason(text(mixed, "https://mixed.example/"))).toBe("forbidden");
    const outside = outbound([], { resolve: async () => ["93.184.216.34"] });
    expect(await reason(text(outside, "http://mail.example:25/"))).toBe("forbidden");
    const nameless = outbound([], { resolve: async () => [] });
    expect(await reason(text(nameless, "http://nothing.example/"))).toBe("unresolved");
  });

  test("refuses other schemes, credentials and what is no URL", async () => {
    const guard = outbound(loopback);
    for (const url of [
      "ftp://pictures.example/",
      "file:///etc/passwd",
      "data:image/png;base64,AAAA",
      `http://name@pictures.example:${plain.port}/`,
      `http://:word@pictures.example:${plain.port}/`,
      "/path",
      "",
      `http://pictures.example/${"x".repeat(9_000)}`,
    ]) {
      expect([url.slice(0, 40), await reason(text(guard, url))]).toEqual([url.slice(0, 40), "url"]);
    }
  });

  test("tries a host's next address when the first refuses", async () => {
    const guard = outbound(loopback, { resolve: async () => ["127.0.0.9", "127.0.0.1"] });
    expect(await text(guard, `http://pictures.example:${plain.port}/b`)).toBe("hello /b");
  });
});

describe("redirects", () => {
  const to = (url: string) => `http://pictures.example:${plain.port}/to?url=${encodeURIComponent(url)}`;

  test("are followed, relative ones too, and each is checked again", async () => {
    const guard = outbound([`pictures.example:${plain.port}`]);
    expect(await text(guard, to("/c"))).toBe("hello /c");
    expect(await reason(text(guard, to(`http://127.0.0.1:${plain.port}/`)))).toBe("forbidden");
    expect(await reason(text(guard, to("file:///etc/passwd")))).toBe("url");
    expect(await reason(text(guard, to(`http://a:b@pictures.example:${plain.port}/`)))).toBe("url");
  });

  test("are bounded, and answered as they are to who does not want them followed", async () => {
    const guard = outbound(["*.example"]);
    expect(await reason(text(guard, `http://pictures.example:${plain.port}/ring`))).toBe("redirects");
    const call = { url: to("/d"), ...bounds };
    for (const asIs of [{ redirects: 0 }, { method: "POST", body: "x" }] as const) {
      const { status, body } = await guard.fetch({ ...call, ...asIs });
      expect(status).toBe(302);
      await body.cancel();
    }
  });

  test("lose the trust in a vendor's host with the first step away from it", async () => {
    const guard = outbound(["pictures.example"]);
    const trusted = `http://127.0.0.1:${plain.port}/v1`;
    expect(await text(guard, `http://127.0.0.1:${plain.port}/e`, { trusted })).toBe("hello /e");
    expect(await reason(text(guard, `http://127.0.0.1:${secure.port}/e`, { trusted }))).toBe("forbidden");
    expect(await reason(text(guard, to(`http://127.0.0.1:${plain.port}/e`), { trusted }))).toBe("forbidden");
  });
});

describe("bounds", () => {
  const guard = outbound(["*.example"]);
  const at = (path: string) => `http://pictures.example:${plain.port}${path}`;

  test("a body that says that it is too large is refused before, any other while it arrives", async () => {
    expect(await reason(guard.fetch({ url: at("/large"), ...bounds }))).toBe("size");
    const { body } = await guard.fetch({ url: at("/endless"), ...bounds });
    expect(await reason(new Response(body).bytes())).toBe("size");
  });

  test("a packed body is refused: it would unpack to any size", async () => {
    expect(await reason(text(guard, at("/packed")))).toBe("encoding");
    expect(seen.at(-1)?.headers.get("accept-encoding")).toBe("identity");
  });

  test("the time runs until the last byte, and for a name that nobody answers", async () => {
    const clock = new ManualClock();
    const slow = outbound(["*.example"], { clock });
    const { body } = await slow.fetch({ url: at("/silent"), ...bounds });
    const read = reason(new Response(body).bytes());
    await clock.advance(bounds.timeoutMs);
    expect(await read).toBe("time");
    const unanswered = outbound([], { clock, resolve: () => new Promise(() => {}) });
    const waiting = reason(text(unanswered, "http://pictures.example/"));
    await clock.advance(bounds.timeoutMs);
    expect(await waiting).toBe("time");
  });

  test("who gives up cancels it", async () => {
    expect(await reason(text(guard, at("/f"), { signal: AbortSignal.abort() }))).toBe("cancelled");
    const leaving = new AbortController();
    const { body } = await guard.fetch({ url: at("/silent"), ...bounds, signal: leaving.signal });
    const read = reason(new Response(body).bytes());
    leaving.abort();
    expect(await read).toBe("cancelled");
  });

  test("a status is the caller's to judge", async () => {
    const { status, body } = await guard.fetch({ url: at("/missing"), ...bounds });
    expect([status, await new Response(body).text()]).toEqual([404, "no"]);
  });
});
