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
  Scope,
  StreamGeneration,
} from "../../gateway/gateway.ts";
import { parseChat } from "../../gateway/requests/chat.ts";
import { parseCompletion } from "../../gateway/requests/completion.ts";
import { parseEmbedding } from "../../gateway/requests/embedding.ts";
import { parseModeration } from "../../gateway/requests/moderation.ts";
import { parseRerank } from "../../gateway/requests/rerank.ts";
import type { StreamRegistry } from "../../gateway/streams/registry.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { resumableBody } from "../streams.ts";
import { type Wishes, wishesIn } from "../wishes.ts";
import { generationHeaders } from "./headers.ts";
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
  const answer = createAnswer(ports);
  const app = new Elysia({ name: "openai-generations" });
  for (const endpoint of ENDPOINTS) {
    const { path } = endpoint;
    app.post(
      path,
      // Elysia's own `server` would be a getter of an object made for each request.
      ({ request }) => answer(request, path, (id) => generate(ports, endpoint, request, ports.server(), id)),
      { parse: "none" },
    );
  }
  return app;
}

async function generate(
  ports: GenerationRoutePorts,
  endpoint: Endpoint,
  request: Request,
  server: RequestServer | null,
  id: RequestId,
): Promise<Response> {
  const calling = ports.gateway.authenticate(credentialOf(request, server), endpoint.scope);
  const caller = calling instanceof Promise ? await calling : calling;
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const parsed = endpoint.parse(parseJson(bytes), bytes.byteLength);
  // From here on the clocks of the call bound the wait; the server's own would cut a vendor that thinks.
  server?.timeout(request, 0);
  const { path } = endpoint;
  const { headers } = request;
  const isResumable = headers.get("x-sluice-resumable") === "true";
  const asked = { path, caller, parsed, id, isResumable, wishes: wishesIn(headers) };
  // For the many that have none nothing is made.
  if (!headers.has("idempotency-key")) return run(ports, asked, request.signal);
  const about = { tenant: caller.tenant, id, print: bytes, about: `${path} ${isResumable}` };
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

function run(ports: GenerationRoutePorts, asked: Asked, signal: AbortSignal | undefined): Promise<Response> {
  if (asked.isResumable) return resumable(ports, asked, signal);
  const { caller, parsed } = asked;
  return ports.gateway
    .generate(caller, parsed, optionsOf(asked, "passthrough", signal))
    .then((generation) =>
      generation.kind === "answer"
        ? answerResponse(generation)
        : streamResponse(generation, streamBody(generation, parsed, ports.clock.now())),
    );
}

function optionsOf(
  { wishes, id, path }: Asked,
  mode: GenerateOptions["mode"],
  signal: AbortSignal | undefined,
): GenerateOptions {
  const options = { ...wishes, requestId: id, path, mode };
  return signal === undefined ? options : { ...options, signal };
}

/** A stream with numbered events that any reader can take up again. */
async function resumable(
  ports: GenerationRoutePorts,
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { path, caller, parsed, wishes } = asked;
  if (!parsed.stream) {
    throw new SluiceError("invalid_request", "Only a streamed answer can be resumable.", { param: "stream" });
  }
  if (ports.streams.isFull) throw new SluiceError("overloaded", "This node runs as many streams as it can.");
  const generation = await ports.gateway.generate(caller, parsed, optionsOf(asked, "events", signal));
  if (generation.kind !== "stream") throw new Error("a streaming request was answered whole");
  const stream = ports.streams.open(caller, generation, parsed, { ...wishes, path });
  const response = streamResponse(generation, resumableBody(stream, 0));
  response.headers.set("x-sluice-stream", generation.streamId);
  return response;
}

/** A whole answer, its charge in the headers. */
export function answerResponse({ started, answer: whole, final }: AnswerGeneration): Response {
  const headers = generationHeaders(started, final.cost);
  headers["content-type"] = whole.contentType ?? "application/json";
  return new Response(whole.body, { headers });
}

/** A stream of events that no proxy may hold back. Its charge comes with its end. */
export function streamResponse(generation: StreamGeneration, body: ReadableStream<Uint8Array>): Response {
  const headers = generationHeaders(generation.started);
  headers["content-type"] = "text/event-stream; charset=utf-8";
  headers["cache-control"] = "no-cache";
  headers["x-accel-buffering"] = "no";
  return new Response(body, { headers });
}
