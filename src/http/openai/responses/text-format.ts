import type { JsonObject } from "../../../core/generation.ts";
import { asObject, invalid } from "../../../gateway/requests/fields.ts";

/** `text.format` as chat's `response_format`; undefined: plain text. @throws SluiceError naming the part that is wrong */
export function responseFormatOf(value: unknown): JsonObject | undefined {
  if (value === undefined || value === null) return undefined;
  const format = asObject(value, "text.format");
  switch (format.type) {
    case "text":
      return undefined;
    case "json_object":
      return { type: "json_object" };
    case "json_schema": {
      const { type: _, ...schema } = format;
      if (typeof schema.name !== "string" || schema.name === "") {
        throw invalid("text.format.name", "must be a non-empty string");
      }
      asObject(schema.schema, "text.format.schema");
      return { type: "json_schema", json_schema: schema };
    }
    default:
      throw invalid("text.format.type", "must be 'text', 'json_object' or 'json_schema'");
  }
}
