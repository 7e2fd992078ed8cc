import { Elysia } from "elysia";
import type { Clock } from "../../../core/clock.ts";
import { SluiceError } from "../../../core/errors.ts";
import type { GenerationRequest } from "../../../core/generation.ts";
import type { RequestId, TenantId } from "../../../core/ids.ts";
import type {
  AnswerGeneration,
  Caller,
  Gateway,
  GenerateOptions,
  Generation,
  Started,
  StreamGeneration,
} from "../../../gateway/gateway.ts";
import { invalid } from "../../../gateway/requests/fields.ts";
import type { StreamRegistry } from "../../../gateway/streams/registry.ts";
import type { ResponseLedger } from "../../../ledger/responses.ts";
import { type AnswerPorts, createAnswer } from "../../answer.ts";
import { parseJson, readBody } from "../../body.ts";
import { type AddressSource, credentialOf } from "../../credential.ts";
import { answeredStream, answeredWhole } from "../../generation-response.ts";
import { headerList } from "../../header-text.ts";
import type { Idempotency } from "../../idempotent.ts";
import { runOnce } from "../../run-once.ts";
import { resumableBody } from "../../streams.ts";
import { type Wishes, wishesIn } from "../../wishes.ts";
import { chatOf } from "./conversation.ts";
import type { Keeping } from "./keeping.ts";
import { keptGeneration } from "./kept-generation.ts";
import { type KeptRoutePorts, keptRoutes } from "./kept-routes.ts";
import { withReferences } from "./references.ts";
import { parseResponses, type ResponsesRequest } from "./request.ts";
import type { ResponseAbout } from "./response-object.ts";
import { toldAsResponse } from "./resumable.ts";
import { streamBody } from "./stream-body.ts";
import { ownResponse, wholeResponse } from "./whole-response.ts";
import { errorHere, wordHere } from "./words.ts";

export interface ResponseRoutePorts extends AnswerPorts, KeptRoutePorts {
  readonly gateway: Gateway;
  readonly streams: StreamRegistry;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
  readonly bodyLimitBytes: number;
  readonly responses: ResponseLedger;
  readonly keeping: Keeping;
}

const PATH = "/v1/responses";

/** What Bun's server does for a running request. */
type RequestServer = AddressSource & { timeout(request: Request, seconds: number): void };

/** OpenAI's Responses, for every vendor: asked as a chat where it speaks nothing else, answered as a response. */
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
  const isResumable = request.headers.get("x-sluice-resumable") === "true";
  if (isResumable && !parsed.stream) throw invalid("stream", "only a streamed answer can be resumable");
  const bodyBytes = bytes.byteLength;
  const asked = { caller, parsed, bodyBytes, id, isResumable, wishes: wishesIn(request.headers) };
  const about = { tenant: caller.tenant, id, print: bytes, about: `${PATH} ${isResumable}` };
  return runOnce(ports.idempotency, request, about, (_, signal) => run(ports, asked, signal));
}

interface Asked {
  readonly caller: Caller;
  readonly parsed: ResponsesRequest;
  /** Undefined: what it refers to makes it larger. */
  readonly bodyBytes: number | undefined;
  readonly id: RequestId;
  readonly isResumable: boolean;
  readonly wishes: Wishes;
}

async function run(
  ports: ResponseRoutePorts,
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { caller, id, isResumable, wishes } = asked;
  const { tenant } = caller;
  if (isResumable && ports.streams.isFull)
    throw new SluiceError("overloaded", "This node runs as many streams as it can.");
  const input = await withReferences(ports.responses, tenant, asked.parsed.input);
  const parsed = { ...asked.parsed, input };
  const bodyBytes = input === asked.parsed.input ? asked.bodyBytes : undefined;
  const options = {
    ...wishes,
    requestId: id,
    path: PATH,
    mode: isResumable ? "events" : "passthrough",
    ...(signal === undefined ? {} : { signal }),
  } as const;
  const { chat, generation } = await generate(ports, { ...asked, parsed, bodyBytes }, options);
  const about = {
    requestId: id,
    createdAt: Math.floor(ports.clock.now() / 1_000),
    model: generation.started.vendorModel,
    request: parsed,
  };
  if (generation.kind === "answer") return answerResponse(ports, generation, tenant, about);
  if (!isResumable) {
    const body = streamBody(ports, generation, tenant, about, parsed);
    return streamResponse(generation, parsed, body);
  }
  const kept = keptGeneration(ports, generation, tenant, about, parsed);
  // Another node that has to go on does that by the chat.
  const { native: _, ...travelling } = chat;
  const stream = ports.streams.open(caller, kept, travelling, {
    ...wishes,
    path: PATH,
    told: toldAsResponse(about),
  });
  const response = streamResponse(generation, parsed, resumableBody(stream, 0));
  response.headers.set("x-sluice-stream", generation.streamId);
  return response;
}

/** What is refused of the chat that it becomes is told in this dialect's words. */
async function generate(
  { gateway, responses }: ResponseRoutePorts,
  { caller, parsed, bodyBytes }: Asked,
  options: GenerateOptions,
): Promise<{ readonly chat: GenerationRequest; readonly generation: Generation }> {
  try {
    const chat = await chatOf(responses, caller.tenant, parsed, bodyBytes);
    return { chat, generation: await gateway.generate(caller, chat, options) };
  } catch (thrown) {
    throw errorHere(thrown);
  }
}

async function answerResponse(
  ports: ResponseRoutePorts,
  generation: AnswerGeneration,
  tenant: TenantId,
  about: ResponseAbout & { readonly request: ResponsesRequest },
): Promise<Response> {
  const { started, final } = generation;
  const { request } = about;
  const own = await ownResponse(ports, generation, tenant, about, request);
  const text = own ?? JSON.stringify(await wholeResponse(ports, generation, tenant, about, request));
  const response = answeredWhole(text, started, final.cost);
  setDropped(response.headers, started, request);
  return response;
}

function streamResponse(
  { started }: StreamGeneration,
  request: ResponsesRequest,
  body: ReadableStream<Uint8Array>,
): Response {
  const response = answeredStream(body, started);
  setDropped(response.headers, started, request);
  return response;
}

function setDropped(headers: Headers, started: Started, { dropped: here }: ResponsesRequest): void {
  // A vendor of this dialect is asked in the client's own words, and does what others cannot.
  if (started.dialect !== undefined) return;
  const dropped = [...here, ...(started.dropped ?? []).map(wordHere)];
  if (dropped.length > 0) headers.set("x-sluice-dropped", headerList([...new Set(dropped)]));
}
