import { Elysia } from "elysia";
import { SluiceError } from "../core/errors.ts";
import { type RequestId, requestId, type TenantId } from "../core/ids.ts";
import type { Explanations } from "../gateway/explain.ts";
import type { Caller, Gateway } from "../gateway/gateway.ts";
import type { Decision } from "../gateway/router.ts";
import type { Receipt, Receipts } from "../ledger/receipts.ts";
import { type AnswerPorts, createAnswer } from "./answer.ts";
import { type BalancePorts, balanceOf, flushed } from "./balance.ts";
import { type AddressSource, credentialOf } from "./credential.ts";
import { pathPart, queryOf } from "./stored-text.ts";
import { type UsageReportPorts, usageReport } from "./usage-report.ts";

export interface AccountRoutePorts extends AnswerPorts, BalancePorts, UsageReportPorts {
  readonly gateway: Pick<Gateway, "authenticate">;
  readonly receipts: Receipts;
  readonly explanations: Pick<Explanations, "get">;
}

/** `/v1/balance`, `/v1/usage`, `/v1/receipts/{id}`, `/v1/explain/{id}`: the caller's own account, and nobody else's. */
export function accountRoutes(ports: AccountRoutePorts) {
  const answer = createAnswer(ports);
  const handle = (
    request: Request,
    server: AddressSource | null,
    endpoint: string,
    run: (caller: Caller) => Promise<Response>,
  ): Promise<Response> =>
    answer(request, endpoint, async () =>
      run(await ports.gateway.authenticate(credentialOf(request, server), "account")),
    );
  return new Elysia({ name: "account" })
    .get("/v1/balance", ({ request, server }) =>
      handle(request, server, "/v1/balance", async ({ tenant }) =>
        Response.json(await balanceOf(ports, tenant)),
      ),
    )
    .get("/v1/usage", ({ request, server }) =>
      handle(request, server, "/v1/usage", ({ tenant }) => usageReport(ports, queryOf(request.url), tenant)),
    )
    .get("/v1/receipts/:request_id", ({ request, server, params }) =>
      handle(request, server, "/v1/receipts/{request_id}", async ({ tenant }) => {
        const receipt = await findReceipt(ports, idOf(params.request_id), tenant);
        if (receipt === undefined) throw unknownRequest();
        return Response.json(receipt);
      }),
    )
    .get("/v1/explain/:request_id", ({ request, server, params }) =>
      handle(request, server, "/v1/explain/{request_id}", async ({ tenant }) => {
        const id = idOf(params.request_id);
        const receipt = await findReceipt(ports, id, tenant);
        const decision = ports.explanations.get(id, tenant);
        if (receipt === undefined && decision === undefined) throw unknownRequest();
        return Response.json(explanationOf(id, receipt, decision));
      }),
    );
}

/** The receipt of a request that has just ended may still be on its way to the ledger. */
async function findReceipt(
  ports: AccountRoutePorts,
  id: RequestId,
  tenant: TenantId,
): Promise<Receipt | undefined> {
  const receipt = await ports.receipts.get(id, tenant);
  if (receipt !== undefined) return receipt;
  await flushed(ports);
  return ports.receipts.get(id, tenant);
}

function explanationOf(id: RequestId, receipt: Receipt | undefined, decision: Decision | undefined) {
  return {
    request_id: id,
    /** Null while it runs. */
    outcome: receipt?.outcome ?? null,
    model: receipt?.model ?? null,
    vendor: receipt?.vendor ?? null,
    vendor_model: receipt?.vendor_model ?? null,
    error_code: receipt?.error_code ?? null,
    charged: receipt?.charged ?? null,
    flags: receipt?.flags ?? [],
    attempts: receipt?.attempts ?? [],
    /** Null when it was decided too long ago, or on another node. */
    routing: decision === undefined ? null : routingOf(decision),
  };
}

function routingOf({ ranked, passed }: Decision) {
  return {
    ranked: ranked.map(({ route, score, cost, performance, quality }) => ({
      vendor: route.vendor.id,
      model: route.model,
      score,
      cost,
      performance,
      quality,
    })),
    passed: passed.map(({ route, reason }) => ({ vendor: route.vendor.id, model: route.model, reason })),
  };
}

/** @throws SluiceError `not_found` when no request can be called so */
function idOf(part: string): RequestId {
  const id = pathPart(part);
  if (id === undefined) throw unknownRequest();
  return requestId(id);
}

const unknownRequest = (): SluiceError =>
  new SluiceError("not_found", "There is no such request of yours, or it has not ended yet.");
