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
import { answeredStream, answeredWhole } from "../generation-response.ts";
import { resumableBody } from "../streams.ts";
import type { Wishes } from "../wishes.ts";
import { setContentHeaders } from "./headers.ts";
import type { ContentRequest } from "./request.ts";
import { toldAsResponses } from "./resumable.ts";
import { type StreamShape, streamBody } from "./stream-body.ts";
import { wholeResponse } from "./whole-response.ts";
import { errorHere } from "./words.ts";

export interface AnswerContentPorts {
  readonly gateway: Gateway;
  readonly streams: StreamRegistry;
}

/** Who asks, and how. */
export interface Asked {
  readonly caller: Caller;
  readonly id: RequestId;
  /** As limits of paths know it. */
  readonly path: string;
  readonly isResumable: boolean;
  readonly wishes: Wishes;
}

/**
 * Answers `:generateContent` with a response, and `:streamGenerateContent` with SSE.
 * @param signal the client went away
 */
export async function answerContent(
  ports: AnswerContentPorts,
  asked: Asked,
  content: ContentRequest,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { caller, isResumable, path, wishes } = asked;
  const { request, showsThoughts } = content;
  if (isResumable) refuseResumable(request);
  if (isResumable && ports.streams.isFull)
    throw new SluiceError("overloaded", "This node runs as many streams as it can.");
  const generation = await generate(ports.gateway, caller, request, {
    ...wishes,
    requestId: asked.id,
    path,
    mode: isResumable ? "events" : "passthrough",
    ...(signal === undefined ? {} : { signal }),
  });
  const shape = { choices: request.choices, showsThoughts };
  if (generation.kind === "answer") return wholeAnswer(generation, content, shape);
  if (!isResumable) return streamResponse(generation, content, streamBody(generation, shape));
  const told = { ...wishes, path, told: toldAsResponses(showsThoughts) };
  const stream = ports.streams.open(caller, generation, keptRequest(request), told);
  const response = streamResponse(generation, content, resumableBody(stream, 0));
  response.headers.set("x-sluice-stream", generation.streamId);
  return response;
}

function refuseResumable({ stream, choices }: GenerationRequest): void {
  if (!stream) throw new SluiceError("invalid_request", "Only a streamed answer can be resumable.");
  if (choices === 1) return;
  throw new SluiceError("unsupported_parameter", "Only one candidate can be resumable.", {
    param: "generationConfig.candidateCount",
  });
}

/**
 * The request as it travels with the stream's copy, for another node that may have to go on: it does that by the chat,
 * so that the same need not be kept twice. What only the client's own words say goes with it.
 */
function keptRequest({ native, ...chat }: GenerationRequest): GenerationRequest {
  return native?.only === undefined ? chat : { ...chat, native };
}

/** What is refused of the chat that it becomes is told in this dialect's words. */
export async function generate(
  gateway: Gateway,
  caller: Caller,
  request: GenerationRequest,
  options: GenerateOptions,
): Promise<Generation> {
  try {
    return await gateway.generate(caller, request, options);
  } catch (thrown) {
    throw errorHere(thrown);
  }
}

function wholeAnswer(
  generation: AnswerGeneration,
  { dropped }: ContentRequest,
  { choices, showsThoughts }: StreamShape,
): Response {
  const { started, answer, final } = generation;
  const own = answer.dialect === undefined ? undefined : answer.body;
  const body = own ?? JSON.stringify(wholeResponse(generation, choices, showsThoughts));
  const response = answeredWhole(body, started, final.cost);
  setContentHeaders(response.headers, started, dropped);
  response.headers.set("content-type", "application/json; charset=UTF-8");
  return response;
}

function streamResponse(
  { started }: StreamGeneration,
  { dropped }: ContentRequest,
  body: ReadableStream<Uint8Array>,
): Response {
  const response = answeredStream(body, started);
  setContentHeaders(response.headers, started, dropped);
  return response;
}
