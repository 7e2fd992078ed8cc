import { expect, test } from "bun:test";
import { vendorId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { micropointsOf } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import { NO_USAGE } from "../core/usage.ts";
import { createMetrics } from "./metrics.ts";
import { metricsRoutes } from "./metrics-route.ts";

const GENERATION = {
  operation: "chat",
  tier: "vip",
  vendor: vendorId("deepseek"),
  model: "deepseek-chat",
  region: "cn",
  outcome: "completed",
  usage: { ...NO_USAGE, input: 10, reasoning: 3 },
  cost: micropointsOf(1_500_000n),
  loss: micropointsOf(250_000n),
  vendorSeconds: 1.2,
} as const;

async function scrape(use: (metrics: ReturnType<typeof createMetrics>) => void): Promise<string[]> {
  const clock = new ManualClock();
  const metrics = createMetrics({ clock });
  use(metrics);
  const { text } = await metrics.expose();
  metrics.close();
  return text.split("\n");
}

test("requests are counted by method, pattern and status", async () => {
  const lines = await scrape(({ countRequest }) => {
    countRequest("POST", "/v1/chat/completions", 200);
    countRequest("POST", "/v1/chat/completions", 200);
    countRequest("BREW", "other", 404);
  });
  expect(lines).toContain('api_request_total{method="POST",endpoint="/v1/chat/completions",status="200"} 2');
  expect(lines).toContain('api_request_total{method="other",endpoint="other",status="404"} 1');
});

test("a generation shows its time, tokens, cost and loss", async () => {
  const lines = await scrape(({ telemetry }) => {
    telemetry.generationEnded(GENERATION);
    telemetry.firstToken(vendorId("deepseek"), "deepseek-chat", "cn", 0.3);
  });
  expect(lines).toEqual(
    expect.arrayContaining([
      'ai_model_response_time_bucket{le="2.5",vendor="deepseek",model="deepseek-chat",region="cn"} 1',
      'ai_model_response_time_sum{vendor="deepseek",model="deepseek-chat",region="cn"} 1.2',
      'ai_time_to_first_token_count{vendor="deepseek",model="deepseek-chat",region="cn"} 1',
      'cost_per_request_sum{vendor="deepseek",model="deepseek-chat",user_tier="vip"} 1.5',
      'ai_token_total{vendor="deepseek",model="deepseek-chat",class="input"} 10',
      'ai_token_total{vendor="deepseek",model="deepseek-chat",class="reasoning"} 3',
      'platform_loss_points_total{vendor="deepseek",model="deepseek-chat"} 0.25',
      'ai_generation_total{operation="chat",outcome="completed"} 1',
    ]),
  );
});

test("a generation that reached no vendor puts no text of a client into a label", async () => {
  const lines = await scrape(({ telemetry }) =>
    telemetry.generationEnded({ ...GENERATION, vendor: null, model: "anything at all", outcome: "failed" }),
  );
  expect(lines.join("\n")).not.toContain("anything at all");
});

test("label sets are bounded", async () => {
  const lines = await scrape(({ countRequest }) => {
    for (let index = 0; index < 10_000; index += 1) countRequest("GET", `/${index}`, 200);
  });
  expect(lines.filter((line) => line.startsWith("api_request_total{")).length).toBe(2_001);
  expect(lines).toContain('api_request_total{method="other",endpoint="other",status="other"} 8000');
});

test("streams, sockets, spool, leases and the process are told", async () => {
  const lines = await scrape(({ telemetry, watch }) => {
    telemetry.streamOpened();
    telemetry.streamOpened();
    telemetry.streamClosed();
    telemetry.lease("purse", "hit");
    telemetry.attemptFailed({ vendor: vendorId("a"), model: "m", fault: "vendor", code: "vendor_timeout" });
    telemetry.anotherVendor({ why: "takeover", vendor: vendorId("b"), model: "m", serves: true });
    telemetry.anotherVendor({ why: "hedge", vendor: vendorId("b"), model: "m", serves: false });
    watch({
      openWebSockets: () => 7,
      spoolDepth: () => ({ bytes: 100, openIntents: 3, segments: 1 }),
      ledgerLag: () => 5,
      liveNodes: () => 3,
      ownedShards: () => 43,
      isConnected: () => false,
      overload: () => ({
        limit: 900,
        memory: 0.25,
        refusing: ["test"],
        shed: { test: 4, normal: 0, vip: 0 },
      }),
      connections: () => ({ connections: 12, idle: 5 }),
      redis: { isUp: () => true, limit: { admittedAlone: 5, draws: 17, isAlone: true } },
      usageSteps: () => ({ sent: 9, begun_anew: 1, applied: 8, repeated: 2, refused: 0, dropped: 0 }),
    });
  });
  expect(lines).toEqual(
    expect.arrayContaining([
      "active_streams 1",
      "open_websockets 7",
      "spool_depth_bytes 100",
      "ledger_lag_records 5",
      "cluster_live_nodes 3",
      "cluster_owned_shards 43",
      "cluster_connected 0",
      "in_flight_limit 900",
      "refused_tiers 1",
      "redis_connected 1",
      'vendor_connections{state="busy"} 7',
      'vendor_connections{state="idle"} 5',
      "global_limit_split 1",
      "global_limit_draw_total 17",
      "global_limit_split_total 5",
      "memory_used_ratio 0.25",
      'shed_request_total{user_tier="test"} 4',
      'usage_stream_total{step="sent"} 9',
      'usage_stream_total{step="refused"} 0',
      "spool_open_intents 3",
      'lease_take_total{lease="purse",result="hit"} 1',
      'ai_attempt_failure_total{vendor="a",model="m",fault="vendor",code="vendor_timeout"} 1',
      'ai_another_vendor_total{why="takeover",vendor="b",model="m",result="served"} 1',
      'ai_another_vendor_total{why="hedge",vendor="b",model="m",result="lost"} 1',
      "event_loop_lag_seconds 0",
    ]),
  );
  expect(lines.some((line) => /^process_resident_memory_bytes [1-9]/.test(line))).toBe(true);
});

test("the timer of the event-loop lag ends with the metrics", () => {
  const cancelled: string[] = [];
  const clock = new ManualClock();
  const metrics = createMetrics({
    clock: { ...boundTo(clock), every: () => () => void cancelled.push("timer") },
  });
  metrics.close();
  expect(cancelled).toEqual(["timer"]);
});

const boundTo = (clock: ManualClock) => ({
  soon: (run: () => void) => clock.soon(run),
  now: () => clock.now(),
  monotonic: () => clock.monotonic(),
  after: clock.after.bind(clock),
});

test("GET /metrics is Prometheus' text format and counts itself", async () => {
  const counted: string[] = [];
  const metrics = createMetrics({ clock: new ManualClock() });
  const app = metricsRoutes({
    metrics,
    log: silentLog,
    random: seededRandom(1),
    countRequest: (...request) => void counted.push(request.join(" ")),
  });
  const response = await app.handle(new Request("http://localhost/metrics"));
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  expect(response.headers.get("x-request-id")).toStartWith("req_");
  expect(counted).toEqual(["GET /metrics 200"]);
  metrics.close();
});
