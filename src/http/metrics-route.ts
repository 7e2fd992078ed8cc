import { Elysia } from "elysia";
import { type AnswerPorts, createAnswer } from "./answer.ts";
import type { Metrics } from "./metrics.ts";

export interface MetricsRoutePorts extends AnswerPorts {
  readonly metrics: Pick<Metrics, "expose">;
}

/** `GET /metrics` for Prometheus. Counts and sums only: no tenant, no key, no text of anybody. */
export function metricsRoutes(ports: MetricsRoutePorts) {
  const answer = createAnswer(ports);
  return new Elysia({ name: "metrics" }).get("/metrics", ({ request }) =>
    answer(request, "/metrics", async () => {
      const { text, contentType } = await ports.metrics.expose();
      return new Response(text, { headers: { "content-type": contentType, "cache-control": "no-store" } });
    }),
  );
}
