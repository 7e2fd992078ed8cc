import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { asBody, checkFields, type FieldType, invalid, optionalInteger, requiredText } from "./fields.ts";
import { promptTokensForHold } from "./prompt-tokens.ts";

const FIELDS: Readonly<Record<string, FieldType>> = {
  query: "string",
  documents: "array",
  top_n: "integer",
  return_documents: "boolean",
};

/** As many as Jina and Cohere take; what a vendor takes less of, it says. */
const MOST_DOCUMENTS = 2_048;

/**
 * Reads a rerank body as Jina and Cohere have it: `{model, query, documents, top_n, return_documents}`. A document is a
 * text, or `{text}`. Throws SluiceError `invalid_request` with the field in `param`.
 */
export function parseRerank(value: unknown): GenerationRequest {
  const given = asBody(value);
  const model = requiredText(given, "model");
  const query = requiredText(given, "query");
  checkFields(given, FIELDS);
  const documents = documentsIn(given);
  optionalInteger(given, "top_n", 1, Number.MAX_SAFE_INTEGER);
  const bytes = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  // The query is read with every document, and counted each time (Model Studio's text rerank reference).
  const queries = promptTokensForHold(Buffer.byteLength(query)) * documents.length;
  return {
    operation: "rerank",
    model,
    stream: false,
    includeUsage: false,
    body: { ...given, documents },
    maxOutputTokens: 0,
    choices: 1,
    promptTokens: queries + promptTokensForHold(bytes) + documents.length,
    usesTools: false,
    usesImages: false,
  };
}

function documentsIn({ documents }: JsonObject): readonly string[] {
  if (!Array.isArray(documents) || documents.length === 0 || documents.length > MOST_DOCUMENTS) {
    throw invalid("documents", `must be an array of 1 to ${MOST_DOCUMENTS} documents`);
  }
  return documents.map((each: unknown, at) => {
    const text = typeof each === "object" && each !== null && "text" in each ? each.text : each;
    if (typeof text === "string") return text;
    throw invalid(`documents[${at}]`, "must be a text, or an object with a `text`");
  });
}
