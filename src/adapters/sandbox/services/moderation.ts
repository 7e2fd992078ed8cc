import type { JsonObject } from "../../../core/generation.ts";
import { isObject, listOf, textOf } from "../../json.ts";
import { hashOf } from "../words.ts";

/** OpenAI's categories, and a word by which the sandbox takes a text for one of them. */
const CATEGORIES: readonly (readonly [name: string, word: RegExp])[] = [
  ["harassment", /\bidiot\b/i],
  ["harassment/threatening", /\bhurt you\b/i],
  ["hate", /\bhate them\b/i],
  ["hate/threatening", /\bhunt them\b/i],
  ["illicit", /\bburgle\b/i],
  ["illicit/violent", /\bbuild a bomb\b/i],
  ["self-harm", /\bself-harm\b/i],
  ["self-harm/intent", /\bhurt myself\b/i],
  ["self-harm/instructions", /\bhow to self-harm\b/i],
  ["sexual", /\bporn\b/i],
  ["sexual/minors", /(?!)/],
  ["violence", /\bkill\b/i],
  ["violence/graphic", /\bgore\b/i],
];

/** A result for each text; parts of a list that holds pictures are one. */
export function moderationAnswer({ input, model }: JsonObject): JsonObject {
  const list = typeof input === "string" ? [input] : listOf(input);
  const texts = list.some(isObject) ? [list.map(partText).join("\n")] : list.map(String);
  return {
    id: `modr-sandbox${hashOf(JSON.stringify(input ?? ""))}`,
    model,
    results: texts.map(resultOf),
  };
}

const partText = (part: unknown): string => (isObject(part) ? (textOf(part.text) ?? "") : String(part));

function resultOf(text: string): JsonObject {
  const struck = CATEGORIES.map(([name, word]) => [name, word.test(text)] as const);
  return {
    flagged: struck.some(([, isStruck]) => isStruck),
    categories: Object.fromEntries(struck),
    category_scores: Object.fromEntries(struck.map(([name, isStruck]) => [name, isStruck ? 0.98 : 0.0001])),
    category_applied_input_types: Object.fromEntries(struck.map(([name]) => [name, ["text"]])),
  };
}
