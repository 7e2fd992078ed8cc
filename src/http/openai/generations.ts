import { Elysia } from "elysia";
import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import type { RequestId } from "../../core/ids.ts";
import type {
  AnswerGeneration,
  Caller,
  Gateway,
  GenerateOptions,
  Generation,
  Scope,
} from "../../gateway/gateway.ts";
import { parseChat } from "../../gateway/requests/chat.ts";
import { parseCompletion } from "../../gateway/requests/completion.ts";
import { parseEmbedding } from "../../gateway/requests/embedding.ts";
import { parseModeration } from "../../gateway/requests/moderation.ts";
import { parseRerank } from "../../gateway/requests/rerank.ts";
import type { StreamRegistry } from "../../gateway/streams/registry.ts";
import { Answering, type AnswerPorts } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { answeredStream, answeredWhole } from "../generation-response.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { resumableBody } from "../streams.ts";
import { type Wishes, wishesIn } from "../wishes.ts";
import { streamBody } from "./stream-body.ts";

export interface GenerationRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly streams: StreamRegistry;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
  readonly bodyLimitBytes: number;
  /** What listens; null where nothing does. */
  server(): RequestServer | null;
}

interface Endpoint {
  readonly path: string;
  readonly scope: Scope;
  readonly parse: (body: unknown, bodyBytes: number) => GenerationRequest;
}

/** Where a generation is asked for in OpenAI's dialect. `/api/v1/chat` is the platform's own name. */
const ENDPOINTS: readonly Endpoint[] = [
  { path: "/v1/chat/completions", scope: "chat", parse: parseChat },
  { path: "/api/v1/chat", scope: "chat", parse: parseChat },
  { path: "/v1/completions", scope: "completions", parse: parseCompletion },
  { path: "/v1/embeddings", scope: "embeddings", parse: parseEmbedding },
  { path: "/v1/moderations", scope: "moderations", parse: parseModeration },
  { path: "/v1/rerank", scope: "rerank", parse: parseRerank },
];

/** What Bun's server does for a running request. */
export type RequestServer = AddressSource & { timeout(request: Request, seconds: number): void };

export function generationRoutes(ports: GenerationRoutePorts) {
  const answering = new Answering(ports);
  const app = new Elysia({ name: "openai-generations" });
  for (const endpoint of ENDPOINTS)
    app.post(endpoint.path, ({ request }) => answer(ports, answering, endpoint, request), { parse: "none" });
  return app;
}

/** Answers a request, with a refusal where it cannot be served. Never rejects. */
async function answer(
  ports: GenerationRoutePorts,
  answering: Answering,
  endpoint: Endpoint,
  request: Request,
): Promise<Response> {
  const { path } = endpoint;
  const id = answering.begin();
  try {
    // Elysia's own `server` would be a getter of an object made for each request.
    const server = ports.server();
    const calling = ports.gateway.authenticate(credentialOf(request, server), endpoint.scope);
    const caller = calling instanceof Promise ? await calling : calling;
    const bytes = await readBody(request, ports.bodyLimitBytes);
    const parsed = endpoint.parse(parseJson(bytes), bytes.byteLength);
    // From here on the clocks of the call bound the wait; the server's own would cut a vendor that thinks.
    server?.timeout(request, 0);
    const { headers } = request;
    const isResumable = headers.get("x-sluice-resumable") === "true";
    const wishes = wishesIn(headers);
    if (isResumable || headers.has("idempotency-key")) {
      const asked = { path, caller, parsed, id, isResumable, wishes };
      return answering.given(request, path, id, await runKept(ports, asked, request, bytes));
    }
    // The way of nearly all: nothing is made for the others.
    const options = optionsOf(wishes, id, path, request.signal);
    const generation = await ports.gateway.generate(caller, parsed, options);
    return answering.given(request, path, id, responseOf(generation, parsed, ports.clock));
  } catch (thrown) {
    return answering.refused(request, path, id, thrown);
  }
}

/** What is kept under an idempotency key, or for readers that come again. */
function runKept(
  ports: GenerationRoutePorts,
  asked: Asked,
  request: Request,
  print: Uint8Array,
): Promise<Response> {
  const { caller, id, path, isResumable } = asked;
  const about = { tenant: caller.tenant, id, print, about: `${path} ${isResumable}` };
  return runOnce(ports.idempotency, request, about, (_, signal) => run(ports, asked, signal));
}

interface Asked {
  /** As it was called. */
  readonly path: string;
  readonly caller: Caller;
  readonly parsed: GenerationRequest;
  readonly id: RequestId;
  readonly isResumable: boolean;
  readonly wishes: Wishes;
}

async function run(
  ports: GenerationRoutePorts,
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { caller, parsed, wishes, id, path } = asked;
  const options = optionsOf(wishes, id, path, signal);
  if (asked.isResumable) return resumable(ports, asked, { ...options, mode: "events" });
  return responseOf(await ports.gateway.generate(caller, parsed, options), parsed, ports.clock);
}

function optionsOf(
  wishes: Wishes,
  requestId: RequestId,
  path: string,
  signal: AbortSignal | undefined,
): GenerateOptions {
  const mode = "passthrough";
  return signal === undefined
    ? { ...wishes, requestId, path, mode }
    : { ...wishes, requestId, path, mode, signal };
}

function responseOf(generation: Generation, parsed: GenerationRequest, clock: Clock): Response {
  return generation.kind === "answer"
    ? answerResponse(generation)
    : answeredStream(streamBody(generation, parsed, clock.now()), generation.started);
}

/** A stream with numbered events that any reader can take up again. */
async function resumable(
  ports: GenerationRoutePorts,
  { path, caller, parsed, wishes }: Asked,
  options: GenerateOptions,
): Promise<Response> {
  if (!parsed.stream) {
    throw new SluiceError("invalid_request", "Only a streamed answer can be resumable.", { param: "stream" });
  }
  if (ports.streams.isFull) throw new SluiceError("overloaded", "This node runs as many streams as it can.");
  const generation = await ports.gateway.generate(caller, parsed, options);
  if (generation.kind !== "stream") throw new Error("a streaming request was answered whole");
  const stream = ports.streams.open(caller, generation, parsed, { ...wishes, path });
  const response = answeredStream(resumableBody(stream, 0), generation.started);
  response.headers.set("x-sluice-stream", generation.streamId);
  return response;
}

/** A whole answer, its charge in the headers. */
export function answerResponse({ started, answer, final }: AnswerGeneration): Response {
  const response = answeredWhole(answer.body, started, final.cost);
  if (answer.contentType !== undefined) response.headers.set("content-type", answer.contentType);
  return response;
}
