import { describe, expect, test } from "bun:test";
import { silentLog } from "../core/log.ts";
import { seededRandom } from "../core/random.ts";
import { openToOrigins } from "./cross-origin.ts";
import type { Entrance } from "./entrance.ts";

const APP = "https://app.example.com";
const counted: unknown[] = [];
const ports = {
  log: silentLog,
  random: seededRandom(1),
  countRequest: (...about: unknown[]) => void counted.push(about),
};
let asked = 0;
const inside: Entrance = {
  async fetch() {
    asked += 1;
    return new Response("inside", {
      headers: {
        "x-request-id": "req_1",
        "x-sluice-cost": "1",
        "x-secret": "x",
        "content-type": "text/plain",
      },
    });
  },
  error: () => new Response("error"),
};
const openTo = (...origins: string[]) => openToOrigins(inside, origins, ports);
const ask = async (
  entrance: Entrance,
  origin: string | undefined,
  { path = "/v1/chat/completions", method = "POST", headers = {} } = {},
) => {
  const own = origin === undefined ? {} : { origin };
  return entrance.fetch(
    new Request(`http://gateway:8080${path}`, { method, headers: { ...own, ...headers } }),
  );
};
const preflight = (entrance: Entrance, origin: string, wished?: string, path?: string) =>
  ask(entrance, origin, {
    method: "OPTIONS",
    ...(path === undefined ? {} : { path }),
    headers: {
      "access-control-request-method": "POST",
      ...(wished === undefined ? {} : { "access-control-request-headers": wished }),
    },
  });
const told = (response: Response, name: string) => response.headers.get(`access-control-${name}`);

describe("a preflight", () => {
  test("is answered for a page of a named origin, with what of its wishes is known", async () => {
    const before = asked;
    const wished =
      "Authorization, content-type,idempotency-key,x-sluice-resumable,x-stainless-os,x-evil, b@d";
    const response = await preflight(openTo(APP), APP, wished);
    expect(response.status).toBe(204);
    expect(told(response, "allow-origin")).toBe(APP);
    expect(told(response, "allow-methods")).toBe("GET, HEAD, POST, DELETE");
    expect(told(response, "allow-headers")).toBe(
      "authorization, content-type, idempotency-key, x-sluice-resumable, x-stainless-os",
    );
    expect(told(response, "max-age")).toBe("7200");
    expect(told(response, "allow-credentials")).toBeNull();
    expect(response.headers.get("vary")).toContain("Origin");
    expect(asked).toBe(before);
    expect(counted.at(-1)).toEqual(["OPTIONS", "preflight", 204]);
  });

  test("of any other origin is refused, and told nothing", async () => {
    for (const origin of ["https://evil.example", "null", `${APP}.evil.example`, "http://app.example.com"]) {
      const response = await preflight(openTo(APP), origin, "authorization");
      expect([origin, response.status]).toEqual([origin, 403]);
      expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      expect(await response.json()).toMatchObject({ error: { code: "permission_denied" } });
    }
  });

  test("without wishes hears of the headers that there are", async () => {
    expect(told(await preflight(openTo(APP), APP), "allow-headers")).toContain("authorization");
  });

  test.each(["/admin/v1/tenants", "/metrics", "/health/ready", "/openapi.json", "/v1", "/v1x/"])(
    "for %s goes the way of all requests: no page has business there",
    async (path) => {
      const response = await preflight(openTo("*"), APP, "authorization", path);
      expect([await response.text(), told(response, "allow-origin")]).toEqual(["inside", null]);
    },
  );
});

describe("an answer", () => {
  test("may be read by a page of a named origin, with the headers that are meant for clients", async () => {
    const response = await ask(openTo(APP), APP);
    expect(await response.text()).toBe("inside");
    expect(told(response, "allow-origin")).toBe(APP);
    expect(told(response, "expose-headers")).toBe("x-request-id, x-sluice-cost");
    expect(told(response, "allow-credentials")).toBeNull();
    expect(response.headers.get("vary")).toBe("Origin");
  });

  test("to anybody else says nothing of origins, but that they matter", async () => {
    for (const origin of [undefined, "https://evil.example"]) {
      const response = await ask(openTo(APP), origin);
      expect([told(response, "allow-origin"), told(response, "expose-headers")]).toEqual([null, null]);
      expect(response.headers.get("vary")).toBe("Origin");
    }
  });

  test("to whoever asks is open where everybody may: the same for all, and without credentials", async () => {
    const response = await ask(openTo("*"), "https://anybody.example");
    expect(told(response, "allow-origin")).toBe("*");
    expect(told(response, "allow-credentials")).toBeNull();
    expect(response.headers.get("vary")).toBeNull();
  });

  test.each([
    "/v1/models",
    "/v1beta/models",
    "/api/v1/chat",
    "/mj/submit/imagine",
    "/mj-fast/mj/submit/imagine",
  ])("of %s is a client's", async (path) => {
    expect(told(await ask(openTo(APP), APP, { path }), "allow-origin")).toBe(APP);
  });

  test("of a WebSocket's upgrade is none", async () => {
    const upgraded = { ...inside, fetch: () => undefined as unknown as Response }; // as Bun has it
    expect(await ask(openToOrigins(upgraded, [APP], ports), APP)).toBeUndefined();
  });
});

test.each([
  ["https://a.example.com", true],
  ["https://a.b.example.com", true],
  ["https://example.com", false],
  ["https://.example.com", false],
  ["http://a.example.com", false],
  ["https://evil.com/.example.com", false],
  ["https://evil.com#.example.com", false],
  ["https://a.example.com:8443", false],
  ["https://aexample.com", false],
])("all below https://example.com: %s is %p", async (origin, isBelow) => {
  const response = await ask(openTo("https://*.example.com"), origin);
  expect(told(response, "allow-origin")).toBe(isBelow ? origin : null);
});
