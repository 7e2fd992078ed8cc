import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf } from "../json.ts";

/**
 * The answer with its vectors in the encoding that the client asked for: several vendors always send numbers,
 * and the official SDK asks for base64 unless told otherwise. The same object when nothing had to change.
 */
export function inWantedEncoding(answer: JsonObject, wanted: unknown): JsonObject {
  const toBase64 = wanted === "base64";
  let isChanged = false;
  const data = listOf(answer.data).map((item) => {
    if (!isObject(item)) return item;
    const embedding = toBase64 ? encoded(item.embedding) : decoded(item.embedding);
    if (embedding === undefined) return item;
    isChanged = true;
    return { ...item, embedding };
  });
  return isChanged ? { ...answer, data } : answer;
}

/** Little-endian float32 as base64; undefined when it is not a list of numbers. */
function encoded(vector: unknown): string | undefined {
  if (!Array.isArray(vector)) return undefined;
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, at) => {
    bytes.writeFloatLE(Number(value), at * 4);
  });
  return bytes.toString("base64");
}

function decoded(text: unknown): readonly number[] | undefined {
  if (typeof text !== "string") return undefined;
  const bytes = Buffer.from(text, "base64");
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4));
}
