import { afterAll, beforeAll, expect, test } from "bun:test";
import { loadConfig } from "../config/load.ts";
import { modelSchema, vendorSchema } from "../config/schema.ts";
import { SluiceError } from "../core/errors.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { seededRandom } from "../core/random.ts";
import { adminOperations } from "../http/admin/admin.ts";
import { type HookRoutePorts, hookRoutes } from "../http/hooks/routes.ts";
import type { Idempotency } from "../http/idempotent.ts";
import { type MediaRoutePorts, mediaRoutes } from "../http/media/routes.ts";
import { createMetrics } from "../http/metrics.ts";
import { midjourneyRoutes } from "../http/midjourney/routes.ts";
import type { MidjourneyPorts } from "../http/midjourney/submit.ts";
import { type BatchRoutePorts, batchRoutes } from "../http/openai/batches/batch-routes.ts";
import { type FileRoutePorts, fileRoutes } from "../http/openai/batches/file-routes.ts";
import { type ImageRoutePorts, imageRoutes } from "../http/openai/images/routes.ts";
import { openApiDocument } from "../http/openapi/document.ts";
import { type TaskRoutePorts, taskRoutes } from "../http/tasks/routes.ts";
import { type WebhookRoutePorts, webhookRoutes } from "../http/webhooks/routes.ts";
import { createTicketStore } from "../ws/tickets.ts";
import { type Front, openFront } from "./front.ts";
import type { LedgerParts } from "./ledger-parts.ts";
import { type OperationParts, operationRoutes } from "./operations.ts";
import type { RequestParts } from "./request-parts.ts";

/** Everything that is mounted, as it is mounted: with a gateway behind it that knows nobody's key. */
let front: Front;
const metrics = createMetrics({ clock: new ManualClock() });
const requests = {
  gateway: {
    authenticate() {
      throw new SluiceError("invalid_api_key", "Nobody's.");
    },
  },
  identity: {},
} as unknown as RequestParts; // whoever gets further than identity finds nothing and fails the test
beforeAll(() => {
  const parts = {
    ledger: { masterSecret: new Uint8Array(32), admin: { hash: "00".repeat(32) } },
    leases: {},
    cluster: { peers: { answer() {} } },
    requests,
    keeper: {},
    metrics,
    log: silentLog,
  } as unknown as OperationParts; // as above
  const config = { ...loadConfig({ env: {}, readFile: () => "" }), host: "127.0.0.1", port: 0 };
  const kept = {} as LedgerParts; // as above
  const answering = { gateway: requests.gateway, log: silentLog, random: seededRandom(1), countRequest() {} };
  const mediaPorts = answering as unknown as MediaRoutePorts & WebhookRoutePorts; // as above
  const taskPorts = answering as unknown as TaskRoutePorts &
    BatchRoutePorts &
    FileRoutePorts &
    ImageRoutePorts &
    MidjourneyPorts; // as above
  const mounted = [
    mediaRoutes(mediaPorts),
    webhookRoutes(mediaPorts),
    taskRoutes(taskPorts),
    batchRoutes(taskPorts),
    fileRoutes(taskPorts),
    imageRoutes(taskPorts),
    midjourneyRoutes(taskPorts),
    hookRoutes({ ...answering, ...NO_VENDOR } as unknown as HookRoutePorts), // as above
  ];
  const further = (idempotency: Idempotency) => [...operationRoutes(parts, idempotency), ...mounted];
  const tickets = createTicketStore(new ManualClock());
  front = openFront(requests, metrics, config, silentLog, further, kept, tickets);
});
afterAll(async () => {
  metrics.close();
  await front.close();
});

const NO_VENDOR = { vendor: () => undefined };

const PUBLIC = new Set([
  "GET /health/live",
  "GET /health/ready",
  "GET /actuator/health",
  "GET /metrics",
  "GET /openapi.json",
  "GET /docs",
  "GET /docs/:file",
]);

test("every route but the public ones wants to know who asks", async () => {
  expect(front.routes.length).toBeGreaterThan(40);
  for (const route of front.routes) {
    if (PUBLIC.has(route)) continue;
    const [method = "", path = ""] = route.split(" ");
    const url = front.url + path.replaceAll(/:\w+|\*/g, "some-name");
    const isSocket = path === "/v1/ws" || path === "/v1/realtime";
    const credentials = [{}, { authorization: "Bearer sk-nobody" }, { authorization: "Bearer a.b.c" }];
    for (const credential of credentials) {
      const upgrade = isSocket ? { connection: "upgrade", upgrade: "websocket" } : {};
      const body = method === "GET" || method === "DELETE" ? {} : { body: "{}" };
      const response = await fetch(url, { method, headers: { ...credential, ...upgrade }, ...body });
      expect([route, response.status]).toEqual([route, 401]);
      expect([route, codeOf(await response.json())]).toEqual([route, "invalid_api_key"]);
    }
  }
});

test("every route is in the description, and nothing else is", () => {
  const operations = adminOperations({ vendor: vendorSchema, model: modelSchema });
  const { paths } = openApiDocument("1", operations) as { paths: Record<string, object> };
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${shapeOf(path)}`),
  );
  const mounted = front.routes.map(shapeOf).filter((route) => route !== SECOND_VERSION);
  expect(sortedOnce(mounted)).toEqual(sortedOnce(described));
});

test("a known path with a wrong method tells the right ones, for programs too", async () => {
  for (const [method, path, allowed] of [
    ["PUT", "/v1/streams/str_1", "GET, DELETE"],
    ["GET", "/v1/chat/completions", "POST"],
    ["OPTIONS", "/admin/v1/tenants/acme", "GET, PATCH"],
  ] as const) {
    const response = await fetch(front.url + path, { method });
    expect([path, response.status, response.headers.get("allow")]).toEqual([path, 405, allowed]);
  }
  const unknown = await fetch(`${front.url}/v1/nothing`);
  expect([unknown.status, unknown.headers.get("allow")]).toEqual([404, null]);
});

/** Gemini's calls once more: the description of those below `/v1beta` says that they stand here as well. */
const SECOND_VERSION = "POST /v1/models/*";

/**
 * How a part that varies is called does not matter: `/keys/:id` is `/keys/{id}`. Methods of a model are one route:
 * `/models/{model}:countTokens` is `/models/*`.
 */
const shapeOf = (path: string): string => path.replaceAll(/\{\w+\}:\w+|:\w+|\{\w+\}|\*$/g, "*");

const sortedOnce = (routes: readonly string[]): string[] => [...new Set(routes)].sort();

/** Sluice's code in an error of any dialect: Gemini's has a number in its place and tells it among the details. */
function codeOf(body: unknown): string | number | undefined {
  const { error } = body as { error: { code: string | number; details?: { metadata?: { code: string } }[] } };
  return error.details?.[0]?.metadata?.code ?? error.code;
}
