import { Elysia } from "elysia";
import { type AnswerPorts, createAnswer } from "./answer.ts";

/** One thing that must be well for this node to take requests. */
export interface HealthCheck {
  /** `node`, `ledger`, `spool`: shown to everybody, as is the reason. */
  readonly name: string;
  /** Absent: it is well. In plain words, without addresses, names of tenants or keys. */
  readonly reason?: string;
}

export interface HealthRoutePorts extends AnswerPorts {
  /** Starting or draining, the ledger unreachable, the spool full or unhealthy. Must not wait long. */
  checks(): Promise<readonly HealthCheck[]> | readonly HealthCheck[];
}

/** `/health/live`, `/health/ready` and `/actuator/health`: for load balancers, open to everybody. */
export function healthRoutes(ports: HealthRoutePorts) {
  const answer = createAnswer(ports);
  return new Elysia({ name: "health" })
    .get("/health/live", ({ request }) =>
      answer(request, "/health/live", () => statusAnswer(200, { status: "live" })),
    )
    .get("/health/ready", ({ request }) =>
      answer(request, "/health/ready", async () => {
        const reasons = (await ports.checks()).flatMap(({ reason }) =>
          reason === undefined ? [] : [reason],
        );
        return reasons.length === 0
          ? statusAnswer(200, { status: "ready" })
          : statusAnswer(503, { status: "not_ready", reasons });
      }),
    )
    .get("/actuator/health", ({ request }) =>
      answer(request, "/actuator/health", async () => {
        const checks = await ports.checks();
        const isUp = checks.every(({ reason }) => reason === undefined);
        const components = Object.fromEntries(checks.map((check) => [check.name, componentOf(check)]));
        return statusAnswer(isUp ? 200 : 503, { status: isUp ? "UP" : "DOWN", components });
      }),
    );
}

/** Spring Boot's shape. */
const componentOf = ({ reason }: HealthCheck) =>
  reason === undefined ? { status: "UP" } : { status: "DOWN", details: { reason } };

function statusAnswer(status: number, body: object): Response {
  const headers: Record<string, string> = { "cache-control": "no-store" };
  if (status === 503) headers["retry-after"] = "1";
  return Response.json(body, { status, headers });
}
