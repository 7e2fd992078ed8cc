import type { JsonObject } from "../../core/generation.ts";
import type { ModelView } from "../../gateway/gateway.ts";
import { invalid } from "../../gateway/requests/fields.ts";

/** Google's own bounds of a page. */
const MOST_IN_PAGE = 1_000;
const USUAL_PAGE = 50;

/** What can be called of a model, by what it is for. */
const METHODS_OF = {
  chat: ["generateContent", "countTokens"],
  embedding: ["embedContent"],
} as const;

/** A model in the shape of Gemini's list. */
export const geminiModel = ({ id, operations }: ModelView): JsonObject => ({
  name: `models/${id}`,
  displayName: id,
  version: id,
  supportedGenerationMethods: [
    ...(operations.includes("chat") ? METHODS_OF.chat : []),
    ...(operations.includes("embedding") ? METHODS_OF.embedding : []),
  ],
});

/** True for a model that can be asked in this dialect. */
export const isGeminis = ({ operations }: ModelView): boolean =>
  operations.includes("chat") || operations.includes("embedding");

/**
 * A page of the models as Gemini lists them: `?pageSize=&pageToken=`.
 * @throws SluiceError `invalid_request` for a parameter that cannot be read
 */
export function geminiModels(all: readonly ModelView[], query: URLSearchParams): JsonObject {
  const size = sizeIn(query);
  const models = all.filter(isGeminis);
  const token = query.get("pageToken");
  // The token of a page is the model that it begins with.
  const start = token === null || token === "" ? 0 : models.findIndex(({ id }) => id === token);
  if (start < 0) throw invalid("pageToken", "there is no such page");
  const next = models[start + size];
  return {
    models: models.slice(start, start + size).map(geminiModel),
    ...(next === undefined ? {} : { nextPageToken: next.id }),
  };
}

function sizeIn(query: URLSearchParams): number {
  const text = query.get("pageSize");
  if (text === null || text === "" || text === "0") return USUAL_PAGE;
  if (!/^\d{1,9}$/.test(text)) throw invalid("pageSize", "must be a whole number");
  return Math.min(Number(text), MOST_IN_PAGE);
}
