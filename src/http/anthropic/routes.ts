import { Elysia } from "elysia";
import type { Clock } from "../../core/clock.ts";
import type { RequestId } from "../../core/ids.ts";
import type {
  AnswerGeneration,
  Caller,
  Gateway,
  GenerateOptions,
  Generation,
  Started,
  StreamGeneration,
} from "../../gateway/gateway.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import type { Idempotency } from "../idempotent.ts";
import { type Wishes, wishesIn } from "../wishes.ts";
import { messageHeaders } from "./headers.ts";
import type { MessageNames } from "./message-events.ts";
import { type MessagesRequest, parseMessages } from "./request.ts";
import { streamBody } from "./stream-body.ts";
import { wholeMessage } from "./whole-message.ts";
import { errorHere } from "./words.ts";

export interface MessageRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
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
  return new Elysia({ name: "anthropic-messages" }).post(
    PATH,
    ({ request, server }) => answer(request, PATH, (id) => create(ports, request, server, id)),
    { parse: "none" },
  );
}

async function create(
  ports: MessageRoutePorts,
  request: Request,
  server: RequestServer | null,
  id: RequestId,
): Promise<Response> {
  const caller = await ports.gateway.authenticate(credentialOf(request, server), "chat");
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const betas = request.headers.get("anthropic-beta");
  const parsed = parseMessages(parseJson(bytes), bytes.byteLength, betas);
  // From here on the clocks of the call bound the wait; the server's own would cut a vendor that thinks.
  server?.timeout(request, 0);
  const asked = { caller, parsed, id, wishes: wishesIn(request.headers) };
  const key = request.headers.get("idempotency-key");
  if (key === null) return run(ports, asked, request.signal);
  const fingerprint = fingerprintOf(betas, bytes);
  const about = { tenant: caller.tenant, request: id, fingerprint, signal: request.signal };
  // Whoever comes back for the answer shall find it whole: it is made whether its first client stays or not.
  return ports.idempotency.once(key, about, () => run(ports, asked, undefined));
}

interface Asked {
  readonly caller: Caller;
  readonly parsed: MessagesRequest;
  readonly id: RequestId;
  readonly wishes: Wishes;
}

async function run(
  ports: MessageRoutePorts,
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const options = {
    ...asked.wishes,
    requestId: asked.id,
    path: PATH,
    mode: "passthrough",
    ...(signal === undefined ? {} : { signal }),
  } as const;
  const generation = await generate(ports, asked, options);
  return generation.kind === "answer"
    ? answerResponse(ports, generation, asked.parsed)
    : streamResponse(ports, generation, asked.parsed);
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

/** Of everything that makes an answer what it is. */
const fingerprintOf = (betas: string | null, body: Uint8Array): string =>
  new Bun.CryptoHasher("sha256")
    .update(`POST ${PATH} ${betas ?? ""}\n`)
    .update(body)
    .digest("hex");

/** Calls and messages are named by their request, which no other has. */
const namesOf = ({ requestId, vendorModel }: Started): MessageNames => ({
  suffix: requestId.replace(/^req_/, ""),
  model: vendorModel,
});

function answerResponse(
  { clock }: MessageRoutePorts,
  generation: AnswerGeneration,
  { dropped }: MessagesRequest,
): Response {
  const { started, answer, final } = generation;
  const headers = messageHeaders(started, dropped, clock.now(), final.cost);
  headers["content-type"] = "application/json";
  const own = answer.dialect === undefined ? undefined : answer.body;
  return new Response(own ?? JSON.stringify(wholeMessage(generation, namesOf(started))), { headers });
}

function streamResponse(
  { clock }: MessageRoutePorts,
  generation: StreamGeneration,
  { dropped }: MessagesRequest,
): Response {
  const headers = messageHeaders(generation.started, dropped, clock.now());
  headers["content-type"] = "text/event-stream; charset=utf-8";
  headers["cache-control"] = "no-cache";
  headers["x-accel-buffering"] = "no";
  return new Response(streamBody(generation, namesOf(generation.started)), { headers });
}
