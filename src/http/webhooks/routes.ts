import { Elysia } from "elysia";
import { SluiceError } from "../../core/errors.ts";
import { type RequestId, type TenantId, type WebhookId, webhookId } from "../../core/ids.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { Sql } from "../../ledger/database.ts";
import type { Deliveries, Delivery } from "../../webhooks/deliveries.ts";
import { TRIED_FOR_MS } from "../../webhooks/retries.ts";
import type { WebhookSecret, WebhookSecrets } from "../../webhooks/secrets.ts";
import { DELIVERY_STATES, type DeliveryState, type Webhooks } from "../../webhooks/webhooks.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { pathPart, queryOf } from "../stored-text.ts";

export interface WebhookRoutePorts extends AnswerPorts {
  readonly gateway: Pick<Gateway, "authenticate">;
  readonly sql: Sql;
  readonly webhooks: Webhooks;
  readonly deliveries: Deliveries;
  readonly secrets: WebhookSecrets;
  readonly idempotency: Idempotency;
}

const TEST_EVENT = "webhook.test";
/** Of one tenant that were not taken yet: a test is looked at, not piled up. */
const MOST_TESTS = 20;
/** Of any call here. */
const BODY_BYTES = 16 * 1024;
const DEFAULT_PAGE = 20;
const MOST_PAGE = 100;

/** `/v1/webhooks/…`: the caller's secret, what was sent to it, and sending it again. */
export function webhookRoutes(ports: WebhookRoutePorts) {
  const answer = createAnswer(ports);
  const handle = (
    request: Request,
    server: AddressSource | null,
    endpoint: string,
    run: (tenant: TenantId, id: RequestId) => Promise<Response>,
  ): Promise<Response> =>
    answer(request, endpoint, async (id) => {
      const { tenant } = await ports.gateway.authenticate(credentialOf(request, server), "webhooks");
      return run(tenant, id);
    });
  /** The same of a POST, which may come again under its `Idempotency-Key`. */
  const handleOnce = (
    request: Request,
    server: AddressSource | null,
    endpoint: string,
    run: (tenant: TenantId, body: Uint8Array) => Promise<Response>,
  ): Promise<Response> =>
    handle(request, server, endpoint, async (tenant, id) => {
      const body = await readBody(request, BODY_BYTES);
      return runOnce(ports.idempotency, request, { tenant, id, print: body }, () => run(tenant, body));
    });
  return new Elysia({ name: "webhooks" })
    .get("/v1/webhooks/secret", ({ request, server }) =>
      handle(request, server, "/v1/webhooks/secret", async (tenant) =>
        Response.json(secretView(await ports.secrets.current(tenant))),
      ),
    )
    .post(
      "/v1/webhooks/secret",
      ({ request, server }) =>
        handleOnce(request, server, "/v1/webhooks/secret", async (tenant) =>
          Response.json(secretView(await ports.secrets.rotate(tenant)), { status: 201 }),
        ),
      { parse: "none" },
    )
    .get("/v1/webhooks/deliveries", ({ request, server }) =>
      handle(request, server, "/v1/webhooks/deliveries", (tenant) =>
        listed(ports.deliveries, tenant, queryOf(request.url)),
      ),
    )
    .post(
      "/v1/webhooks/deliveries/:id/resend",
      ({ request, server, params }) =>
        handleOnce(request, server, "/v1/webhooks/deliveries/{id}/resend", async (tenant) => {
          const id = webhookId(pathPart(params.id) ?? "");
          const delivery = await ports.deliveries.resend(tenant, id, TRIED_FOR_MS);
          if (delivery === undefined) throw unknown();
          ports.webhooks.wake();
          return Response.json(deliveryView(delivery), { status: 202 });
        }),
      { parse: "none" },
    )
    .post(
      "/v1/webhooks/test",
      ({ request, server }) =>
        handleOnce(request, server, "/v1/webhooks/test", async (tenant, body) => {
          const id = await enqueueTest(ports, tenant, urlIn(body));
          const delivery = await ports.deliveries.find(tenant, id);
          if (delivery === undefined) throw unknown();
          return Response.json(deliveryView(delivery), { status: 202 });
        }),
      { parse: "none" },
    );
}

async function enqueueTest(
  { webhooks, deliveries, sql }: WebhookRoutePorts,
  tenant: TenantId,
  url: string,
): Promise<WebhookId> {
  webhooks.checkUrl(url, "url");
  if ((await deliveries.pending(tenant, TEST_EVENT, MOST_TESTS)) >= MOST_TESTS) {
    const message = `${MOST_TESTS} tests of yours were not taken yet: their receivers do not answer.`;
    throw new SluiceError("rate_limit_exceeded", message, { retryAfterMs: 60_000 });
  }
  const data = { message: "Sluice sends what becomes of your tasks like this." };
  const id = await webhooks.enqueue(sql, { tenant, url, event: TEST_EVENT, data });
  webhooks.wake();
  return id;
}

async function listed(deliveries: Deliveries, tenant: TenantId, query: URLSearchParams): Promise<Response> {
  const limit = limitOf(query.get("limit"));
  const state = stateOf(query.get("state"));
  const after = query.get("after");
  const found = await deliveries.list(tenant, {
    limit: limit + 1,
    ...(state === undefined ? {} : { state }),
    ...(after === null ? {} : { after: webhookId(after) }),
  });
  const data = found.slice(0, limit).map(deliveryView);
  return Response.json({ object: "list", data, has_more: found.length > limit });
}

/** A delivery as its tenant sees it. */
const deliveryView = (delivery: Delivery) => ({
  id: delivery.id,
  object: "webhook.delivery",
  event: delivery.event,
  url: delivery.url,
  state: delivery.state,
  attempts: delivery.attempts,
  created_at: delivery.createdAt.toISOString(),
  next_attempt_at: delivery.nextAt?.toISOString() ?? null,
  settled_at: delivery.settledAt?.toISOString() ?? null,
  last_status: delivery.lastStatus ?? null,
  last_error: delivery.lastError ?? null,
});

const secretView = ({ secret, previous }: WebhookSecret) => ({
  object: "webhook.secret",
  secret,
  /** Until then messages are signed by the one before as well. */
  previous_valid_until: previous?.until.toISOString() ?? null,
});

function urlIn(bytes: Uint8Array): string {
  const body = parseJson(bytes);
  const url = typeof body === "object" && body !== null && "url" in body ? body.url : undefined;
  if (typeof url === "string" && url !== "") return url;
  throw invalid("url", "is required");
}

function limitOf(text: string | null): number {
  if (text === null) return DEFAULT_PAGE;
  const limit = Number(text);
  if (!/^\d{1,3}$/.test(text) || limit < 1 || limit > MOST_PAGE) {
    throw invalid("limit", `must be a number from 1 to ${MOST_PAGE}`);
  }
  return limit;
}

function stateOf(text: string | null): DeliveryState | undefined {
  const state = DELIVERY_STATES.find((name) => name === text);
  if (text !== null && state === undefined) throw invalid("state", `must be ${DELIVERY_STATES.join(", ")}`);
  return state;
}

const invalid = (param: string, why: string): SluiceError =>
  new SluiceError("invalid_request", `Invalid '${param}': ${why}.`, { param });
const unknown = (): SluiceError =>
  new SluiceError("not_found", "There is no such webhook of yours: they are kept for a week.", {
    param: "id",
  });
