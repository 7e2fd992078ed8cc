import { Elysia } from "elysia";
import { SluiceError } from "../../../core/errors.ts";
import type { Gateway } from "../../../gateway/gateway.ts";
import type { ResponseLedger } from "../../../ledger/responses.ts";
import { type AnswerPorts, createAnswer } from "../../answer.ts";
import { type AddressSource, credentialOf } from "../../credential.ts";
import type { KeptTurn } from "./keeping.ts";
import type { Included } from "./request.ts";
import { shownTo } from "./response-object.ts";
import { unsupported } from "./unsupported.ts";

export interface KeptRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly responses: ResponseLedger;
}

const PATTERN = "/v1/responses/{id}";

/** `GET` and `DELETE /v1/responses/{id}`: what was kept of the key's tenant. */
export function keptRoutes(ports: KeptRoutePorts) {
  const answer = createAnswer(ports);
  return new Elysia({ name: "openai-kept-responses" })
    .get("/v1/responses/:id", ({ request, server, params }) =>
      answer(request, PATTERN, () => retrieve(ports, request, server, params.id)),
    )
    .delete("/v1/responses/:id", ({ request, server, params }) =>
      answer(request, PATTERN, () => remove(ports, request, server, params.id)),
    );
}

async function retrieve(
  { gateway, responses }: KeptRoutePorts,
  request: Request,
  server: AddressSource | null,
  id: string,
): Promise<Response> {
  const { tenant } = await gateway.authenticate(credentialOf(request, server), "chat");
  const { searchParams } = new URL(request.url);
  if (searchParams.get("stream") === "true") {
    throw unsupported(
      "stream",
      "a response is fetched whole: streams are read again with 'x-sluice-resumable'",
    );
  }
  const content = await responses.find(tenant, id);
  if (content === undefined) throw notFound(id);
  const { response } = JSON.parse(content) as KeptTurn; // sealed: only we wrote it
  // The SDK writes lists as `include[]`.
  const asked = [...searchParams.getAll("include"), ...searchParams.getAll("include[]")];
  const include = new Set<Included>(asked.filter((name) => name === "reasoning.encrypted_content"));
  return Response.json(shownTo(include, response));
}

async function remove(
  { gateway, responses }: KeptRoutePorts,
  request: Request,
  server: AddressSource | null,
  id: string,
): Promise<Response> {
  const { tenant } = await gateway.authenticate(credentialOf(request, server), "chat");
  if (!(await responses.delete(tenant, id))) throw notFound(id);
  return Response.json({ id, object: "response", deleted: true });
}

const notFound = (id: string): SluiceError =>
  new SluiceError("not_found", `Response with id '${id}' not found: it is kept for a day.`, { param: "id" });
