import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { modelSchema, vendorSchema } from "../config/schema.ts";
import { silentLog } from "../core/log.ts";
import { seededRandom } from "../core/random.ts";
import { type AccountRoutePorts, accountRoutes } from "./account.ts";
import { adminOperations } from "./admin/admin.ts";
import { docsRoutes } from "./docs.ts";
import { healthRoutes } from "./health.ts";
import { metricsRoutes } from "./metrics-route.ts";
import { openApiDocument } from "./openapi/document.ts";
import { openApiRoutes } from "./openapi.ts";
import { adminApp } from "./testing/admin-app.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const ports = { log: silentLog, random: seededRandom(1), countRequest() {} };
const operations = adminOperations({ vendor: vendorSchema, model: modelSchema });

interface Document {
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}
const document = JSON.parse(JSON.stringify(openApiDocument("1.2.3", operations))) as Document;

describe("the API's description", () => {
  test("has every route that is mounted here", async () => {
    const { app } = await adminApp(database);
    const routes = [
      app,
      accountRoutes(ports as unknown as AccountRoutePorts), // only its routes are looked at
      healthRoutes({ ...ports, checks: () => [] }),
      metricsRoutes({ ...ports, metrics: { expose: async () => ({ text: "", contentType: "" }) } }),
      openApiRoutes({ ...ports, version: "1", adminOperations: operations }),
      docsRoutes(ports),
    ].flatMap((plugin) => plugin.routes.map(({ method, path }) => ({ method, path })));
    expect(routes.length).toBeGreaterThan(30);
    const described = new Set(
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method} ${shapeOf(path)}`),
      ),
    );
    const missing = routes
      .map(({ method, path }) => `${method.toLowerCase()} ${shapeOf(path)}`)
      .filter((route) => !described.has(route));
    expect(missing).toEqual([]);
  });

  test("refers only to schemas that it has, and names each call once", () => {
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(Object.keys(document.components.schemas)).toContain(name ?? "");
    }
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
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

  test("is served as JSON", async () => {
    const app = openApiRoutes({ ...ports, version: "1.2.3", adminOperations: operations });
    const response = await app.handle(new Request("http://localhost/openapi.json"));
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({ openapi: "3.1.0", info: { version: "1.2.3" } });
  });
});

/** Names of parameters do not matter: `/keys/:id` is `/keys/{key}`. */
const shapeOf = (path: string): string => path.replaceAll(/:\w+|\{\w+\}|\*$/g, "*");
