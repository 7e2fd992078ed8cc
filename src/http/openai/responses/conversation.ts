import { SluiceError } from "../../../core/errors.ts";
import type { GenerationRequest, JsonObject, NativeRequest } from "../../../core/generation.ts";
import type { TenantId } from "../../../core/ids.ts";
import { parseChat } from "../../../gateway/requests/chat.ts";
import type { ResponseLedger } from "../../../ledger/responses.ts";
import { objectsIn } from "./chat-pieces.ts";
import type { KeptTurn } from "./keeping.ts";
import { messagesOf, type Turn } from "./messages.ts";
import type { ResponsesRequest } from "./request.ts";
import { isResponseId } from "./response-object.ts";

/**
 * The request as a chat: with the conversation that it goes on from, if it does.
 * @param bodyBytes size of the body on the wire; undefined where what it refers to makes it larger
 * @throws SluiceError `previous_response_not_found` when a part of the conversation is not there, `invalid_request` for what is wrong in it
 */
export async function chatOf(
  ledger: ResponseLedger,
  tenant: TenantId,
  request: ResponsesRequest,
  bodyBytes: number | undefined,
): Promise<GenerationRequest> {
  const { previous, input, instructions, chat } = request;
  const before = previous === undefined ? [] : await turnsBefore(ledger, tenant, previous);
  const messages = messagesOf(instructions, [...before, { items: input, path: "input" }]);
  const isAlone = previous === undefined && bodyBytes !== undefined;
  const body = { ...chat, messages };
  const native = nativeOf(request, isAlone ? undefined : [...before.flatMap(({ items }) => items), ...input]);
  const bytes = isAlone
    ? bodyBytes
    : Math.max(...[body, native?.body].map((one) => Buffer.byteLength(JSON.stringify(one ?? {}))));
  const parsed = parseChat(body, bytes);
  return native === undefined ? parsed : { ...parsed, native };
}

/**
 * The client's own body, for OpenAI, where nothing is kept: with the whole conversation in it.
 * @param items absent: they stand in the body
 */
function nativeOf(
  { body }: ResponsesRequest,
  items: readonly JsonObject[] | undefined,
): NativeRequest | undefined {
  const { max_output_tokens: tokens, previous_response_id: _, ...rest } = body;
  // Fewer are refused in this dialect, and answered as a chat.
  if (typeof tokens === "number" && tokens < LEAST_OWN_TOKENS) return undefined;
  const own = typeof tokens === "number" ? { ...rest, max_output_tokens: tokens } : rest;
  return { dialect: "openai-responses", body: items === undefined ? own : { ...own, input: items } };
}

/** OpenAI's own bound (400 `integer_below_min_value`). */
const LEAST_OWN_TOKENS = 16;

const MISSING = { kind: "missing" } as const;

async function turnsBefore(
  ledger: ResponseLedger,
  tenant: TenantId,
  previous: string,
): Promise<readonly Turn[]> {
  const param = "previous_response_id";
  const conversation = isResponseId(previous) ? await ledger.conversation(tenant, previous) : MISSING;
  if (conversation.kind === "missing") {
    const message = `Previous response with id '${previous}' not found: responses are kept for a day.`;
    throw new SluiceError("previous_response_not_found", message, { param });
  }
  if (conversation.kind === "too long") {
    throw new SluiceError("invalid_request", "The conversation is longer than is kept: begin a new one.", {
      param,
    });
  }
  const turns = conversation.turns.map((content) => JSON.parse(content) as KeptTurn); // sealed: only we wrote it
  if (turns.at(-1)?.response.status === "failed") {
    throw new SluiceError(
      "invalid_request",
      `The response '${previous}' failed: nothing can go on from it.`,
      { param },
    );
  }
  return turns.flatMap(({ input, response }) => [
    { items: input, path: param },
    { items: outputOf(response), path: param },
  ]);
}

const outputOf = ({ output }: JsonObject): readonly JsonObject[] => objectsIn(output);
