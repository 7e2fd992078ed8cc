import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import { isObject, listOf, objectOf, textOf } from "../../json.ts";

/** OpenAI's messages for the multimodal endpoint: content is a list there, and each part has its kind as its field. */
export const multimodalMessages = (messages: unknown): readonly unknown[] =>
  listOf(messages).map((message) =>
    isObject(message) ? { ...message, content: partsOf(message.content) } : message,
  );

/** True when a message has parts that only the multimodal endpoint takes. */
export const hasMedia = (messages: unknown): boolean =>
  listOf(messages).some((message) =>
    listOf(objectOf(message)?.content).some((part) => isObject(part) && part.type !== "text"),
  );

function partsOf(content: unknown): readonly unknown[] {
  const text = textOf(content);
  if (text !== undefined) return [{ text }];
  return listOf(content).map((part) => (isObject(part) ? partOf(part) : part));
}

function partOf(part: JsonObject): JsonObject {
  const { type, cache_control } = part;
  const marked = cache_control === undefined ? {} : { cache_control };
  switch (type) {
    case "text":
      return { text: part.text, ...marked };
    case "image_url":
      return { image: addressOf(part.image_url), ...marked };
    case "input_audio":
      return { audio: soundOf(objectOf(part.input_audio) ?? {}) };
    case "video_url":
      return { video: addressOf(part.video_url) };
    case "video":
      return { video: part.video };
    default:
      throw new SluiceError("unsupported_parameter", `Qwen cannot read content of type '${String(type)}'.`, {
        param: "messages",
      });
  }
}

/** OpenAI's `{ url }`, or the address alone. */
const addressOf = (value: unknown): unknown => objectOf(value)?.url ?? value;

/** As Qwen's compatible mode takes it: an address, or bytes in base64 with or without their `data:` in front. */
function soundOf({ data, format }: JsonObject): unknown {
  const text = textOf(data);
  if (text === undefined || /^(?:data:|https?:)/.test(text)) return data;
  return `data:audio/${textOf(format) ?? "wav"};base64,${text}`;
}
