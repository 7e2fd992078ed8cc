import type { JsonObject } from "../../core/generation.ts";
import { listOf, numberOf } from "../json.ts";
import { hashOf, promptTokensOf } from "./words.ts";

const DEFAULT_DIMENSIONS = 256;
const MAX_DIMENSIONS = 3_072;
/** OpenAI's own bound. */
export const MAX_INPUTS = 2_048;

/** The texts to embed; tokens count as the text of their numbers. */
export function inputsOf(input: unknown): readonly string[] {
  if (typeof input === "string") return [input];
  const list = listOf(input);
  if (typeof list[0] === "number") return [list.join(" ")];
  return list.map((each) => (typeof each === "string" ? each : listOf(each).join(" ")));
}

/** Unit vectors that are the same for the same text. */
export function embeddingAnswer(body: JsonObject, model: string): JsonObject {
  const inputs = inputsOf(body.input);
  const dimensions = Math.min(Math.max(1, numberOf(body.dimensions) ?? DEFAULT_DIMENSIONS), MAX_DIMENSIONS);
  const tokens = inputs.reduce((sum, text) => sum + Math.max(1, promptTokensOf(text)), 0);
  const isBase64 = body.encoding_format === "base64";
  return {
    object: "list",
    data: inputs.map((text, index) => {
      const vector = unitVector(text, dimensions);
      return { object: "embedding", index, embedding: isBase64 ? base64Of(vector) : [...vector] };
    }),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

function unitVector(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  let state = hashOf(text);
  let squares = 0;
  for (let at = 0; at < dimensions; at += 1) {
    // A linear congruence is random enough for directions, and the same everywhere.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const value = state / 0x8000_0000 - 1;
    vector[at] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares) || 1;
  return vector.map((value) => value / length);
}

const base64Of = (vector: Float32Array): string =>
  Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
