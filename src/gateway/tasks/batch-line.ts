import { asSluiceError, type SluiceError } from "../../core/errors.ts";
import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { RequestId, TaskId } from "../../core/ids.ts";
import type { MediaRequest } from "../../core/media.ts";
import { ZERO } from "../../core/points.ts";
import type { Task } from "../../core/task.ts";
import type { LineAnswer } from "../../ledger/batches.ts";
import type { Caller, Gateway } from "../gateway.ts";
import type { BatchPath } from "../requests/batch.ts";
import { parseChat } from "../requests/chat.ts";
import { parseCompletion } from "../requests/completion.ts";
import { parseEmbedding } from "../requests/embedding.ts";
import { parseMedia } from "../requests/media.ts";
import { unpackLine } from "./kept-order.ts";

export interface LinePorts {
  readonly gateway: Pick<Gateway, "generate">;
  /** Makes pictures as a task of their own, or waits for the one that an earlier run of the line began. */
  picture(caller: Caller, request: MediaRequest, id: TaskId, base: string): Promise<Task>;
  /** What a client is answered with. */
  pictureBody(task: Task, request: MediaRequest, base: string): Promise<JsonObject>;
  errorBody(error: SluiceError, request: RequestId): object;
}

export interface Line {
  readonly caller: Caller;
  readonly base: string;
  /** As the ledger kept it. */
  readonly asked: JsonObject;
  readonly charge: RequestId;
  /** Of the pictures that it may ask for: always the same for the same line. */
  readonly pictureTask: TaskId;
}

export interface LineRun {
  readonly answer: LineAnswer;
  /** It may go better later, in milliseconds. */
  readonly againInMs?: number;
}

const TEXT: Partial<Record<BatchPath, (body: unknown, bytes: number) => GenerationRequest>> = {
  "/v1/chat/completions": parseChat,
  "/v1/completions": parseCompletion,
  "/v1/embeddings": parseEmbedding,
};
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const USUAL_PAUSE_MS = 2_000;

/** Runs one line the way that its request would go by itself, at the batch's price. Never rejects. */
export async function runLine(ports: LinePorts, line: Line): Promise<LineRun> {
  try {
    return { answer: await answerOf(ports, line) };
  } catch (thrown) {
    const error = asSluiceError(thrown);
    const body = ports.errorBody(error, line.charge);
    const response = { status_code: error.status, request_id: line.charge, body };
    const answer = { response, isOk: false, cost: ZERO, usage: undefined };
    if (!PASSING.has(error.status)) return { answer };
    return { answer, againInMs: error.detail.retryAfterMs ?? USUAL_PAUSE_MS };
  }
}

async function answerOf(
  ports: LinePorts,
  { caller, base, asked, charge, pictureTask }: Line,
): Promise<LineAnswer> {
  const { url, body } = unpackLine(asked);
  const parse = TEXT[url];
  if (parse === undefined) {
    const request = parseMedia(body, "image");
    const task = await ports.picture(caller, request, pictureTask, base);
    const pictures = await ports.pictureBody(task, request, base);
    const response = { status_code: 200, request_id: task.charge, body: pictures };
    return { response, isOk: true, cost: task.cost ?? ZERO, usage: task.usage };
  }
  // Charged as the batch's tier whatever the vendor says, so that a dearer one must not be asked for.
  const { service_tier: _, ...asLine } = body;
  const request = { ...parse(asLine, Buffer.byteLength(JSON.stringify(asLine))), isBatch: true } as const;
  const options = { requestId: charge, path: url, mode: "passthrough" } as const;
  const generation = await ports.gateway.generate(caller, request, options);
  if (generation.kind !== "answer") throw new Error("a line of a batch was answered as a stream");
  const { answer, final } = generation;
  const whole: unknown = JSON.parse(Buffer.from(answer.body).toString("utf8"));
  const response = { status_code: 200, request_id: charge, body: whole };
  return { response, isOk: true, cost: final.cost, usage: final.usage };
}
