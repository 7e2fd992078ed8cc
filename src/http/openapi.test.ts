import { describe, expect, test } from "bun:test";
import { modelSchema, vendorSchema } from "../config/schema.ts";
import { silentLog } from "../core/log.ts";
import { seededRandom } from "../core/random.ts";
import { adminOperations } from "./admin/admin.ts";
import { openApiDocument } from "./openapi/document.ts";
import { openApiRoutes } from "./openapi.ts";

const ports = { log: silentLog, random: seededRandom(1), countRequest() {} };
const operations = adminOperations({ vendor: vendorSchema, model: modelSchema });

interface Document {
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, object> }>>;
  readonly components: Record<string, Record<string, unknown>>;
}
const document = JSON.parse(JSON.stringify(openApiDocument("1.2.3", operations))) as Document;

describe("the API's description", () => {
  test("refers only to what it has, and names each call once", () => {
    const text = JSON.stringify(document);
    for (const [, kind = "", name = ""] of text.matchAll(/"#\/components\/([a-z]+)\/([\w-]+)"/g)) {
      expect(Object.keys(document.components[kind] ?? {})).toContain(name);
    }
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("tells how a call is refused, each kind in its way", () => {
    const statuses = (path: string, method: string) =>
      Object.keys(document.paths[path]?.[method]?.responses ?? {}).map(Number);
    expect(statuses("/v1/chat/completions", "post")).toEqual([
      200, 400, 401, 402, 403, 404, 409, 413, 429, 502, 503, 504,
    ]);
    expect(statuses("/v1/balance", "get")).toEqual([200, 401, 403, 503]);
    expect(statuses("/admin/v1/tenants", "post")).toEqual([201, 400, 401, 403, 409, 413, 503]);
    expect(statuses("/health/live", "get")).toEqual([200]);
    expect(document.paths["/v1/chat/completions"]?.post?.responses[429]).toMatchObject({
      headers: { "retry-after": { $ref: "#/components/headers/retry-after" } },
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    });
  });

  test("tells of each call how it ends well, and has the bodies that are checked", () => {
    for (const methods of Object.values(document.paths)) {
      for (const { operationId, responses } of Object.values(methods)) {
        expect([operationId, Object.keys(responses).some((status) => Number(status) < 300)]).toEqual([
          operationId,
          true,
        ]);
      }
    }
    expect(document.paths["/admin/v1/tenants/{id}/topups"]?.post).toMatchObject({
      requestBody: {
        content: { "application/json": { schema: { required: ["points", "reference"] } } },
      },
    });
  });

  test("tells of every POST that it honours an Idempotency-Key, but of those that only look and of vendors' own", () => {
    const silent = Object.entries(document.paths).flatMap(([path, { post }]) =>
      post === undefined || JSON.stringify(post).includes('"name":"Idempotency-Key"') ? [] : [path],
    );
    const known = silent.filter((path) => /\/task\/list-by-|^\/v1\/hooks\//.test(path));
    expect([silent, silent.length > 0]).toEqual([known, true]);
  });

  test("is served as JSON", async () => {
    const app = openApiRoutes({ ...ports, version: "1.2.3", adminOperations: operations });
    const response = await app.handle(new Request("http://localhost/openapi.json"));
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({ openapi: "3.1.0", info: { version: "1.2.3" } });
  });
});
