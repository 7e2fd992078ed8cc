import type { JsonObject } from "../../core/generation.ts";
import { isObject, objectOf } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";
import type { Traits } from "./models.ts";

export interface AnswerFormat {
  /** For `generationConfig`. */
  readonly fields: JsonObject;
  /** The same wish in words, where the model cannot be held to it. */
  readonly instruction: string | undefined;
}

/**
 * `response_format` in Gemini's terms. Models before the third line refuse a form beside tools ("Function calling with
 * a response mime type: 'application/json' is unsupported"): there it is asked for in words, and that is told.
 */
export function shapeAnswerFormat(draft: RequestDraft, traits: Traits, offersTools: boolean): AnswerFormat {
  const wanted = draft.get("response_format");
  draft.remove("response_format");
  if (!isObject(wanted) || (wanted.type !== "json_schema" && wanted.type !== "json_object")) {
    return { fields: {}, instruction: undefined };
  }
  const schema = wanted.type === "json_schema" ? objectOf(objectOf(wanted.json_schema)?.schema) : undefined;
  if (!offersTools || traits.formatsBesideTools) {
    const form = schema === undefined ? {} : { responseJsonSchema: schema };
    return { fields: { responseMimeType: "application/json", ...form }, instruction: undefined };
  }
  draft.note(`response_format.${wanted.type}`);
  const demand = "Unless you call a tool, answer with JSON and nothing else";
  const instruction =
    schema === undefined ? `${demand}.` : `${demand}, valid against this schema:\n${JSON.stringify(schema)}`;
  return { fields: {}, instruction };
}
