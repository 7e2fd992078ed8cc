import { Elysia } from "elysia";
import { SluiceError } from "../../../core/errors.ts";
import type { Gateway } from "../../../gateway/gateway.ts";
import type { ResponseLedger } from "../../../ledger/responses.ts";
import { type AnswerPorts, createAnswer } from "../../answer.ts";
import { type AddressSource, credentialOf } from "../../credential.ts";
import { itemPage, shownInput } from "./input-items.ts";
import type { KeptTurn } from "./keeping.ts";
import type { Included } from "./request.ts";
import { isResponseId, shownTo } from "./response-object.ts";
import { unsupported } from "./unsupported.ts";

export interface KeptRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly responses: ResponseLedger;
}

const PATTERN = "/v1/responses/{id}";

/** `GET` and `DELETE /v1/responses/{id}`, `GET /v1/responses/{id}/input_items`: what was kept of the key's tenant. */
export function keptRoutes(ports: KeptRoutePorts) {
  const answer = createAnswer(ports);
  const ITEMS = `${PATTERN}/input_items`;
  return new Elysia({ name: "openai-kept-responses" })
    .get("/v1/responses/:id", ({ request, server, params }) =>
      answer(request, PATTERN, () => retrieve(ports, request, server, params.id)),
    )
    .delete("/v1/responses/:id", ({ request, server, params }) =>
      answer(request, PATTERN, () => remove(ports, request, server, params.id)),
    )
    .get("/v1/responses/:id/input_items", ({ request, server, params }) =>
      answer(request, ITEMS, () => inputItems(ports, request, server, params.id)),
    );
}

async function retrieve(
  ports: KeptRoutePorts,
  request: Request,
  server: AddressSource | null,
  id: string,
): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const { response } = await turnOf(ports, request, server, id, () => {
    if (searchParams.get("stream") === "true") {
      throw unsupported("stream", "a response that was kept is fetched whole");
    }
  });
  // The SDK writes lists as `include[]`.
  const asked = [...searchParams.getAll("include"), ...searchParams.getAll("include[]")];
  const include = new Set<Included>(asked.filter((name) => name === "reasoning.encrypted_content"));
  return Response.json(shownTo(include, response));
}

async function inputItems(
  ports: KeptRoutePorts,
  request: Request,
  server: AddressSource | null,
  id: string,
): Promise<Response> {
  const { input } = await turnOf(ports, request, server, id);
  return Response.json(itemPage(shownInput(id, input), new URL(request.url).searchParams));
}

async function remove(
  { gateway, responses }: KeptRoutePorts,
  request: Request,
  server: AddressSource | null,
  id: string,
): Promise<Response> {
  const { tenant } = await gateway.authenticate(credentialOf(request, server), "chat");
  if (!isResponseId(id) || !(await responses.delete(tenant, id))) throw notFound(id);
  return Response.json({ id, object: "response", deleted: true });
}

/** @param check throws for a request that cannot be answered, once it is known who asks */
async function turnOf(
  { gateway, responses }: KeptRoutePorts,
  request: Request,
  server: AddressSource | null,
  id: string,
  check: () => void = () => {},
): Promise<KeptTurn> {
  const { tenant } = await gateway.authenticate(credentialOf(request, server), "chat");
  check();
  const content = isResponseId(id) ? await responses.find(tenant, id) : undefined;
  if (content === undefined) throw notFound(id);
  return JSON.parse(content) as KeptTurn; // sealed: only we wrote it
}

const notFound = (id: string): SluiceError =>
  new SluiceError("not_found", `Response with id '${id}' not found: it is kept for a day.`, { param: "id" });
