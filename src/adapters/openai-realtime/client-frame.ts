import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf, objectOf, parseGivenJson, textOf } from "../json.ts";
import type { ClientFrame } from "../realtime-adapter.ts";

const BYTES_OF_ENVELOPE = 256;

/**
 * What a client's frame puts into its conversation. It is parsed: a type that is only looked for could be quoted, and text
 * be passed off as sound.
 */
export function weighFrame(frame: string): ClientFrame {
  const bytes = Buffer.byteLength(frame);
  const event = parseGivenJson(frame);
  if (!isObject(event)) return { typedBytes: bytes, heardChars: 0, images: 0, asks: 0 };
  const refused = refusedIn(event);
  if (refused !== undefined) return { typedBytes: 0, heardChars: 0, images: 0, asks: 0, refused };
  if (event.type === "response.create") return { ...weighed(bytes, inputOf(event)), asks: rereads(event) };
  if (event.type === "input_audio_buffer.append") {
    const heardChars = textOf(event.audio)?.length ?? 0;
    // Its few words are no part of the prompt.
    return { typedBytes: beyondEnvelope(bytes - heardChars), heardChars, images: 0, asks: 0 };
  }
  return weighed(bytes, [event.item]);
}

/**
 * Prompts that are kept at the vendor are the platform's, and tools that it runs itself put in what nobody has held for: of
 * what there is, only functions are the client's own to answer.
 */
function refusedIn(event: JsonObject): string | undefined {
  for (const name of ["session", "response"]) {
    const { prompt, tools } = objectOf(event[name]) ?? {};
    if (prompt !== undefined && prompt !== null) return `${name}.prompt`;
    if (listOf(tools).some((tool) => objectOf(tool)?.type !== "function")) return `${name}.tools`;
  }
  return undefined;
}

/** The whole frame counts as text, but for the sounds and pictures of its items. */
function weighed(bytes: number, items: readonly unknown[]): ClientFrame {
  let heardChars = 0;
  let pictureChars = 0;
  let images = 0;
  for (const part of items.flatMap((item) => listOf(objectOf(item)?.content))) {
    if (!isObject(part)) continue;
    if (part.type === "input_audio") heardChars += textOf(part.audio)?.length ?? 0;
    if (part.type !== "input_image") continue;
    images += 1;
    pictureChars += textOf(part.image_url)?.length ?? 0;
  }
  return { typedBytes: Math.max(0, bytes - heardChars - pictureChars), heardChars, images, asks: 0 };
}

const inputOf = ({ response }: JsonObject): readonly unknown[] => listOf(objectOf(response)?.input);

/** How often an answer may read what was said: as often as it names the same item, once by itself. */
function rereads(event: JsonObject): number {
  const times = new Map<string, number>();
  let most = 1;
  for (const item of inputOf(event)) {
    const id = isObject(item) && item.type === "item_reference" ? textOf(item.id) : undefined;
    if (id === undefined) continue;
    const count = (times.get(id) ?? 0) + 1;
    times.set(id, count);
    most = Math.max(most, count);
  }
  return most;
}

const beyondEnvelope = (bytes: number): number => (bytes > BYTES_OF_ENVELOPE ? bytes : 0);
