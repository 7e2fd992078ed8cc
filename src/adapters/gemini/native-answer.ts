import type { GenerationRequest } from "../../core/generation.ts";
import type { VendorAnswer } from "../adapter.ts";
import { isObject, parseJson } from "../json.ts";
import { readAnswer } from "./answer.ts";
import { readEmbedding } from "./embedding-answer.ts";

/** A whole 2xx answer for a client of the same dialect: the bytes as they came, looked at as all others are. */
export function readNativeAnswer(request: GenerationRequest, body: Uint8Array, secret: string): VendorAnswer {
  const read =
    request.operation === "embedding"
      ? readEmbedding(request, body, secret)
      : readAnswer(request.choices, body, secret, 0);
  if (!read.ok) return read;
  const parsed = parseJson(new TextDecoder().decode(body).trimStart());
  if (!isObject(parsed)) throw new Error("what was read as an answer is no object");
  return { ...read, dialect: "gemini", body, parsed };
}
