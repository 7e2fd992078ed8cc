import type { JsonObject } from "../../../core/generation.ts";
import { listOf, textOf } from "../../json.ts";
import { promptTokensOf } from "../words.ts";

/** Documents by how many words they share with the query, of all that are in either. */
export function rerankAnswer({ query, documents, model }: JsonObject): JsonObject {
  const asked = wordsOf(textOf(query) ?? "");
  const texts = listOf(documents).map((document) => String(document));
  const results = texts.map((text, index) => ({ index, relevance_score: likeness(asked, wordsOf(text)) }));
  const tokens = texts.reduce((sum, text) => sum + promptTokensOf(text), 0);
  const total_tokens = Math.max(1, tokens + promptTokensOf(textOf(query) ?? "") * texts.length);
  return {
    model,
    results: results.sort((a, b) => b.relevance_score - a.relevance_score),
    usage: { total_tokens },
  };
}

const wordsOf = (text: string): ReadonlySet<string> =>
  new Set(text.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{N}]+/gu) ?? []);

function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((word) => b.has(word)).length;
  const all = a.size + b.size - shared;
  return all === 0 ? 0 : Number((shared / all).toFixed(6));
}
