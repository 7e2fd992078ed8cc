import { Elysia } from "elysia";
import type { Clock } from "../../../core/clock.ts";
import type { RequestId, TenantId } from "../../../core/ids.ts";
import type {
  AnswerGeneration,
  Caller,
  Gateway,
  GenerateOptions,
  Generation,
  StreamGeneration,
} from "../../../gateway/gateway.ts";
import type { ResponseLedger } from "../../../ledger/responses.ts";
import { type AnswerPorts, createAnswer } from "../../answer.ts";
import { parseJson, readBody } from "../../body.ts";
import { type AddressSource, credentialOf } from "../../credential.ts";
import { headerList } from "../../header-text.ts";
import type { Idempotency } from "../../idempotent.ts";
import { type Wishes, wishesIn } from "../../wishes.ts";
import { generationHeaders } from "../headers.ts";
import { chatOf } from "./conversation.ts";
import type { Keeping } from "./keeping.ts";
import { type KeptRoutePorts, keptRoutes } from "./kept-routes.ts";
import { withReferences } from "./references.ts";
import { parseResponses, type ResponsesRequest } from "./request.ts";
import type { ResponseAbout } from "./response-object.ts";
import { streamBody } from "./stream-body.ts";
import { unsupported } from "./unsupported.ts";
import { wholeResponse } from "./whole-response.ts";
import { errorHere, wordHere } from "./words.ts";

export interface ResponseRoutePorts extends AnswerPorts, KeptRoutePorts {
  readonly gateway: Gateway;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
  readonly bodyLimitBytes: number;
  readonly responses: ResponseLedger;
  readonly keeping: Keeping;
}

const PATH = "/v1/responses";

/** What Bun's server does for a running request. */
type RequestServer = AddressSource & { timeout(request: Request, seconds: number): void };

/** OpenAI's Responses, for every vendor: asked as a chat, answered as a response. */
export function responseRoutes(ports: ResponseRoutePorts) {
  const answer = createAnswer(ports);
  return new Elysia({ name: "openai-responses" })
    .post(PATH, ({ request, server }) => answer(request, PATH, (id) => create(ports, request, server, id)), {
      parse: "none",
    })
    .use(keptRoutes(ports));
}

async function create(
  ports: ResponseRoutePorts,
  request: Request,
  server: RequestServer | null,
  id: RequestId,
): Promise<Response> {
  const caller = await ports.gateway.authenticate(credentialOf(request, server), "chat");
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const parsed = parseResponses(parseJson(bytes));
  // From here on the clocks of the call bound the wait; the server's own would cut a vendor that thinks.
  server?.timeout(request, 0);
  refuseResumable(request.headers);
  const asked = { caller, parsed, bodyBytes: bytes.byteLength, id, wishes: wishesIn(request.headers) };
  const key = request.headers.get("idempotency-key");
  if (key === null) return run(ports, asked, request.signal);
  const fingerprint = fingerprintOf(bytes);
  const about = { tenant: caller.tenant, request: id, fingerprint, signal: request.signal };
  // Whoever comes back for the answer shall find it whole: it is made whether its first client stays or not.
  return ports.idempotency.once(key, about, () => run(ports, asked, undefined));
}

interface Asked {
  readonly caller: Caller;
  readonly parsed: ResponsesRequest;
  /** Undefined: what it refers to makes it larger. */
  readonly bodyBytes: number | undefined;
  readonly id: RequestId;
  readonly wishes: Wishes;
}

async function run(
  ports: ResponseRoutePorts,
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { caller, id, wishes } = asked;
  const input = await withReferences(ports.responses, caller.tenant, asked.parsed.input);
  const parsed = { ...asked.parsed, input };
  const bodyBytes = input === asked.parsed.input ? asked.bodyBytes : undefined;
  const options = {
    ...wishes,
    requestId: id,
    path: PATH,
    mode: "passthrough",
    ...(signal === undefined ? {} : { signal }),
  } as const;
  const generation = await generate(ports, { ...asked, parsed, bodyBytes }, options);
  const about = {
    requestId: id,
    createdAt: Math.floor(ports.clock.now() / 1_000),
    model: generation.started.vendorModel,
    request: parsed,
  };
  return generation.kind === "answer"
    ? answerResponse(ports, generation, caller.tenant, about)
    : streamResponse(ports, generation, caller.tenant, about);
}

/** What is refused of the chat that it becomes is told in this dialect's words. */
async function generate(
  { gateway, responses }: ResponseRoutePorts,
  { caller, parsed, bodyBytes }: Asked,
  options: GenerateOptions,
): Promise<Generation> {
  try {
    const chat = await chatOf(responses, caller.tenant, parsed, bodyBytes);
    return await gateway.generate(caller, chat, options);
  } catch (thrown) {
    throw errorHere(thrown);
  }
}

/** Of everything that makes an answer what it is. */
const fingerprintOf = (body: Uint8Array): string =>
  new Bun.CryptoHasher("sha256").update(`POST ${PATH}\n`).update(body).digest("hex");

/** A stream is read again by its numbered entries, which do not hold all that a response is made of. */
function refuseResumable(headers: Headers): void {
  if (headers.get("x-sluice-resumable") !== "true") return;
  throw unsupported(
    "x-sluice-resumable",
    "a response's stream cannot be taken up again; send an 'Idempotency-Key' to get it once more, or fetch the response when it has ended",
  );
}

async function answerResponse(
  ports: ResponseRoutePorts,
  generation: AnswerGeneration,
  tenant: TenantId,
  about: ResponseAbout,
): Promise<Response> {
  const { started, final } = generation;
  const response = await wholeResponse(ports, generation, tenant, about);
  return Response.json(response, { headers: headersOf(started, about.request, final.cost) });
}

function streamResponse(
  ports: ResponseRoutePorts,
  generation: StreamGeneration,
  tenant: TenantId,
  about: ResponseAbout,
): Response {
  const headers = headersOf(generation.started, about.request);
  headers["content-type"] = "text/event-stream; charset=utf-8";
  headers["cache-control"] = "no-cache";
  headers["x-accel-buffering"] = "no";
  return new Response(streamBody(ports, generation, tenant, about), { headers });
}

function headersOf(
  started: AnswerGeneration["started"],
  { dropped: here }: ResponsesRequest,
  cost?: AnswerGeneration["final"]["cost"],
): Record<string, string> {
  const headers = generationHeaders(started, cost);
  const dropped = [...here, ...(started.dropped ?? []).map(wordHere)];
  if (dropped.length > 0) headers["x-sluice-dropped"] = headerList([...new Set(dropped)]);
  return headers;
}
