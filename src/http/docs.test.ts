import { afterAll, beforeAll, expect, test } from "bun:test";
import { silentLog } from "../core/log.ts";
import { seededRandom } from "../core/random.ts";
import { docsRoutes } from "./docs.ts";

let server: Bun.Server<undefined>;
beforeAll(() => {
  const app = docsRoutes({ log: silentLog, random: seededRandom(1), countRequest() {} });
  server = Bun.serve({ port: 0, fetch: app.fetch });
});
afterAll(() => server.stop(true));

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(new URL(path, server.url), { headers });

test("the page and all that it is made of come from here", async () => {
  const page = await get("/docs");
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const html = await page.text();
  const parts = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part ?? "");
  expect(parts.length).toBe(4);
  for (const part of parts) {
    expect(part).toStartWith("/docs/");
    const response = await get(part);
    expect([part, response.status]).toEqual([part, 200]);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await response.bytes()).byteLength).toBeGreaterThan(50);
  }
});

test("nothing on the page asks a foreign host, and the browser would not let it", async () => {
  for (const path of ["/docs", "/docs/start.js"]) {
    expect(await (await get(path)).text()).not.toMatch(/https?:|\/\//);
  }
  const css = await (await get("/docs/swagger-ui.css")).text();
  for (const [, target] of css.matchAll(/url\(["']?([^)"']+)/g)) expect(target).toStartWith("data:");
  expect(css).not.toContain("@import");
  const policy = (await get("/docs")).headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("connect-src 'self'");
  expect(policy).not.toMatch(/https?:|\*/);
});

test("types are right, and what is known is not sent again", async () => {
  const script = await get("/docs/swagger-ui-bundle.js");
  expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(script.headers.get("cache-control")).toBe("public, max-age=3600");
  const etag = script.headers.get("etag") ?? "";
  const again = await get("/docs/swagger-ui-bundle.js", { "if-none-match": etag });
  expect([again.status, await again.text()]).toEqual([304, ""]);
});

test.each([
  "/docs/..%2fpackage.json",
  "/docs/..%2f..%2f..%2fetc%2fpasswd",
  "/docs/%2e%2e%2fpackage.json",
  "/docs/package.json",
  "/docs/absolute-path.js",
  "/docs/swagger-ui.css%00",
])("%s is not there", async (path) => {
  expect((await get(path)).status).toBe(404);
});
