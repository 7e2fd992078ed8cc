import { expect, test } from "bun:test";
import { silentLog } from "../core/log.ts";
import { seededRandom } from "../core/random.ts";
import { type HealthCheck, healthRoutes } from "./health.ts";

const WELL: readonly HealthCheck[] = [{ name: "node" }, { name: "ledger" }, { name: "spool" }];
const ILL: readonly HealthCheck[] = [
  { name: "node" },
  { name: "ledger", reason: "the ledger is unreachable" },
];

const get = (path: string, checks: readonly HealthCheck[]) =>
  healthRoutes({
    checks: async () => checks,
    log: silentLog,
    random: seededRandom(1),
    countRequest() {},
  }).handle(new Request(`http://localhost${path}`));

test("a process that answers is alive, whatever else is wrong", async () => {
  const response = await get("/health/live", ILL);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: "live" });
});

test("a node is ready when every check is well", async () => {
  const response = await get("/health/ready", WELL);
  expect(response.status).toBe(200);
  expect(response.headers.get("x-request-id")).toStartWith("req_");
  expect(await response.json()).toEqual({ status: "ready" });
});

test("a node that is not ready says why, with 503", async () => {
  const response = await get("/health/ready", ILL);
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await response.json()).toEqual({ status: "not_ready", reasons: ["the ledger is unreachable"] });
});

test("the actuator speaks Spring's shape", async () => {
  const well = await get("/actuator/health", WELL);
  expect(await well.json()).toEqual({
    status: "UP",
    components: { node: { status: "UP" }, ledger: { status: "UP" }, spool: { status: "UP" } },
  });
  const ill = await get("/actuator/health", ILL);
  expect(ill.status).toBe(503);
  expect(await ill.json()).toMatchObject({
    status: "DOWN",
    components: { ledger: { status: "DOWN", details: { reason: "the ledger is unreachable" } } },
  });
});
