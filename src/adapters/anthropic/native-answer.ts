import type { JsonObject } from "../../core/generation.ts";
import { ownOf } from "../../core/own-of.ts";
import type { VendorAnswer } from "../adapter.ts";
import { isObject, listOf, numberOf, objectOf, parseJson, textOf } from "../json.ts";
import { looksLikeStream } from "../openai-family/assemble.ts";
import { readFrames } from "../sse/event-stream.ts";
import { readAnswer } from "./answer.ts";
import { laterUsage } from "./usage.ts";

/** A whole 2xx answer for a client of the same dialect: the bytes as they came, or the message that a stream amounts to. */
export function readNativeAnswer(body: Uint8Array, secret: string): VendorAnswer {
  const read = readAnswer(body, secret, 0);
  if (!read.ok) return read;
  const text = new TextDecoder().decode(body).trimStart();
  const isStream = looksLikeStream(text);
  const message = isStream ? messageOf(text) : objectOf(parseJson(text));
  if (message === undefined) throw new Error("what was read as an answer is no message");
  const bytes = isStream ? Buffer.from(JSON.stringify(message)) : body;
  return { ...read, dialect: "anthropic", body: bytes, parsed: message };
}

/** The message of a stream that has been read to its end. */
function messageOf(text: string): JsonObject {
  let message: JsonObject = {};
  let usage: JsonObject = {};
  const blocks = new Map<number, OpenBlock>();
  for (const { data } of readFrames(text)) {
    const event = objectOf(parseJson(data ?? "")) ?? {};
    const index = numberOf(event.index) ?? 0;
    switch (event.type) {
      case "message_start":
        message = objectOf(event.message) ?? message;
        usage = laterUsage(usage, objectOf(message.usage) ?? {});
        break;
      case "content_block_start":
        blocks.set(index, { block: { ...objectOf(event.content_block) }, json: "" });
        break;
      case "content_block_delta":
        extend(blocks.get(index), objectOf(event.delta) ?? {});
        break;
      case "message_delta":
        usage = laterUsage(usage, objectOf(event.usage) ?? {});
        message = { ...message, ...laterUsage({}, objectOf(event.delta) ?? {}) };
    }
  }
  const content = [...blocks].sort(([a], [b]) => a - b).map(([, open]) => whole(open));
  return { ...message, content, usage };
}

interface OpenBlock {
  readonly block: Record<string, unknown>;
  /** Pieces of a tool's input. */
  json: string;
}

/** Deltas by the field of the block that they lengthen. */
const LENGTHENED: Readonly<Record<string, string>> = {
  text_delta: "text",
  thinking_delta: "thinking",
  signature_delta: "signature",
};

function extend(open: OpenBlock | undefined, delta: JsonObject): void {
  if (open === undefined) return;
  const { block } = open;
  const field = ownOf(LENGTHENED, String(delta.type));
  if (field !== undefined) block[field] = (textOf(block[field]) ?? "") + (textOf(delta[field]) ?? "");
  else if (delta.type === "input_json_delta") open.json += textOf(delta.partial_json) ?? "";
  else if (delta.type === "citations_delta") block.citations = [...listOf(block.citations), delta.citation];
}

function whole({ block, json }: OpenBlock): JsonObject {
  if (json.trim() === "") return block;
  const input = parseJson(json);
  return isObject(input) ? { ...block, input } : block;
}
