import type { JsonObject } from "../../core/generation.ts";
import { ownOf } from "../../core/own-of.ts";
import type { AnswerGeneration } from "../../gateway/gateway.ts";
import { asBody } from "../../gateway/requests/fields.ts";
import { createChatReader, listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { type MessageEvent, MessageEvents, type MessageNames } from "./message-events.ts";

/** A whole chat answer as a message: the events that it would have been streamed in, put together again. */
export function wholeMessage({ answer, final }: AnswerGeneration, names: MessageNames): JsonObject {
  const message = new WrittenMessage();
  const events = new MessageEvents((event) => message.take(event), names.suffix);
  events.begin(names);
  const choice = objectIn(listIn(answer.parsed.choices)[0]);
  for (const piece of choice === undefined ? [] : createChatReader()(choice)) events.write(piece);
  events.finish(final);
  return message.whole();
}

interface WrittenBlock {
  readonly fields: Record<string, unknown>;
  /** Pieces of a call's arguments. */
  json: string;
}

/** Deltas by the field of their block that they lengthen. */
const LENGTHENED: Readonly<Record<string, string>> = {
  text_delta: "text",
  thinking_delta: "thinking",
  signature_delta: "signature",
};

class WrittenMessage {
  #message: JsonObject = {};
  readonly #blocks: WrittenBlock[] = [];

  take(event: MessageEvent): void {
    switch (event.type) {
      case "message_start":
        this.#message = objectIn(event.message) ?? {};
        return;
      case "content_block_start":
        this.#blocks.push({ fields: { ...objectIn(event.content_block) }, json: "" });
        return;
      case "content_block_delta":
        lengthen(this.#blocks[Number(event.index)], objectIn(event.delta) ?? {});
        return;
      case "message_delta":
        this.#message = { ...this.#message, ...objectIn(event.delta), usage: event.usage };
    }
  }

  whole(): JsonObject {
    const content = this.#blocks.map(({ fields, json }) =>
      fields.type === "tool_use" ? { ...fields, input: inputOf(json) } : fields,
    );
    return { ...this.#message, content };
  }
}

function lengthen(block: WrittenBlock | undefined, delta: JsonObject): void {
  if (block === undefined) return;
  const field = ownOf(LENGTHENED, String(delta.type));
  if (field !== undefined) block.fields[field] = String(block.fields[field]) + String(delta[field]);
  else block.json += String(delta.partial_json);
}

/** Arguments that were cut off are no JSON, or are nested beyond measure; a message has no place for half an object. */
function inputOf(json: string): JsonObject {
  try {
    return asBody(JSON.parse(json));
  } catch {
    return {};
  }
}
