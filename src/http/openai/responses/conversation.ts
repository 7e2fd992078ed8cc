import { SluiceError } from "../../../core/errors.ts";
import type { GenerationRequest, JsonObject } from "../../../core/generation.ts";
import type { TenantId } from "../../../core/ids.ts";
import { parseChat } from "../../../gateway/requests/chat.ts";
import type { ResponseLedger } from "../../../ledger/responses.ts";
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
  const body = { ...chat, messages };
  const isAlone = previous === undefined && bodyBytes !== undefined;
  return parseChat(body, isAlone ? bodyBytes : Buffer.byteLength(JSON.stringify(body)));
}

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

const outputOf = ({ output }: JsonObject): readonly JsonObject[] => (Array.isArray(output) ? output : []);
