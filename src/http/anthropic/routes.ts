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
  StreamGeneration,
} from "../../gateway/gateway.ts";
import type { StreamRegistry } from "../../gateway/streams/registry.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { answeredStream, answeredWhole } from "../generation-response.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { resumableBody } from "../streams.ts";
import { type Wishes, wishesIn } from "../wishes.ts";
import { COUNT_PATH, countResponse } from "./count-tokens.ts";
import { setMessageHeaders } from "./headers.ts";
import { namesOf } from "./names.ts";
import { type MessagesRequest, parseMessages } from "./request.ts";
import { TOLD_AS_MESSAGE } from "./resumable.ts";
import { streamBody } from "./stream-body.ts";
import { wholeMessage } from "./whole-message.ts";
import { errorHere } from "./words.ts";

export interface MessageRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly streams: StreamRegistry;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
  readonly bodyLimitBytes: number;
}

const PATH = "/v1/messages";

/** What Bun's server does for a running request. */
type RequestServer = AddressSource & { timeout(request: Request, seconds: number): void };

/** Anthropic's Messages, for every chat model. */
export function messageRoutes(ports: MessageRoutePorts) {
  const answer = createAnswer(ports);
  const route = (path: string, isCount: boolean) =>
    [
      path,
      ({ request, server }: { readonly request: Request; readonly server: RequestServer | null }) =>
        answer(request, path, (id) => handle(ports, request, server, id, isCount)),
      { parse: "none" },
    ] as const;
  return new Elysia({ name: "anthropic-messages" })
    .post(...route(PATH, false))
    .post(...route(COUNT_PATH, true));
}

async function handle(
  ports: MessageRoutePorts,
  request: Request,
  server: RequestServer | null,
  id: RequestId,
  isCount: boolean,
): Promise<Response> {
  const caller = await ports.gateway.authenticate(credentialOf(request, server), "chat");
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const betas = request.headers.get("anthropic-beta");
  const parsed = parseMessages(parseJson(bytes), bytes.byteLength, betas, isCount);
  // From here on the clocks of the call bound the wait; the server's own would cut a vendor that thinks.
  server?.timeout(request, 0);
  const isResumable = !isCount && request.headers.get("x-sluice-resumable") === "true";
  if (isResumable && !parsed.request.stream) {
    throw new SluiceError("invalid_request", "Only a streamed answer can be resumable.", { param: "stream" });
  }
  const asked = { caller, parsed, id, isResumable, wishes: wishesIn(request.headers) };
  const go = (signal: AbortSignal | undefined) =>
    isCount
      ? countResponse(ports.gateway, caller, parsed, ports.clock.now(), signal)
      : run(ports, asked, signal);
  const about = `${isCount ? COUNT_PATH : PATH} ${isResumable} ${betas ?? ""}`;
  const { tenant } = caller;
  return runOnce(ports.idempotency, request, { tenant, id, print: bytes, about }, (_, signal) => go(signal));
}

interface Asked {
  readonly caller: Caller;
  readonly parsed: MessagesRequest;
  readonly id: RequestId;
  readonly isResumable: boolean;
  readonly wishes: Wishes;
}

async function run(
  ports: MessageRoutePorts,
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { caller, parsed, isResumable, wishes } = asked;
  if (isResumable && ports.streams.isFull)
    throw new SluiceError("overloaded", "This node runs as many streams as it can.");
  const options = {
    ...wishes,
    requestId: asked.id,
    path: PATH,
    mode: isResumable ? "events" : "passthrough",
    ...(signal === undefined ? {} : { signal }),
  } as const;
  const generation = await generate(ports, asked, options);
  if (generation.kind === "answer") return answerResponse(ports, generation, parsed);
  if (!isResumable) {
    const body = streamBody(generation, namesOf(generation.started));
    return streamResponse(ports, generation, parsed, body);
  }
  const told = { ...wishes, path: PATH, told: TOLD_AS_MESSAGE };
  const stream = ports.streams.open(caller, generation, keptRequest(parsed.request), told);
  const response = streamResponse(ports, generation, parsed, resumableBody(stream, 0));
  response.headers.set("x-sluice-stream", generation.streamId);
  return response;
}

/**
 * The request as it travels with the stream's copy, for another node that may have to go on: it does that by the chat,
 * so that the same need not be kept twice. What only the client's own words say goes with it.
 */
function keptRequest({ native, ...chat }: GenerationRequest): GenerationRequest {
  return native?.only === undefined ? chat : { ...chat, native };
}

/** What is refused of the chat that it becomes is told in this dialect's words. */
async function generate(
  { gateway }: MessageRoutePorts,
  { caller, parsed }: Asked,
  options: GenerateOptions,
): Promise<Generation> {
  try {
    return await gateway.generate(caller, parsed.request, options);
  } catch (thrown) {
    throw errorHere(thrown);
  }
}

function answerResponse(
  { clock }: MessageRoutePorts,
  generation: AnswerGeneration,
  { dropped }: MessagesRequest,
): Response {
  const { started, answer, final } = generation;
  const own = answer.dialect === undefined ? undefined : answer.body;
  const body = own ?? JSON.stringify(wholeMessage(generation, namesOf(started)));
  const response = answeredWhole(body, started, final.cost);
  setMessageHeaders(response.headers, started, dropped, clock.now());
  return response;
}

function streamResponse(
  { clock }: MessageRoutePorts,
  { started }: StreamGeneration,
  { dropped }: MessagesRequest,
  body: ReadableStream<Uint8Array>,
): Response {
  const response = answeredStream(body, started);
  setMessageHeaders(response.headers, started, dropped, clock.now());
  return response;
}
