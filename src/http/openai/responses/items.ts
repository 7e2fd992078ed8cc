import type { JsonObject } from "../../../core/generation.ts";
import { asObject, invalid } from "../../../gateway/requests/fields.ts";

/**
 * `input` as a list of items: a text is a user's message. What stands in the items is looked at when they become
 * messages.
 * @throws SluiceError `invalid_request` with the place in `param`
 */
export function itemsOf(input: unknown): readonly JsonObject[] {
  if (typeof input === "string") {
    return [{ type: "message", role: "user", content: [{ type: "input_text", text: input }] }];
  }
  if (input === undefined || input === null) throw invalid("input", "is required");
  if (!Array.isArray(input)) throw invalid("input", "must be a string or an array of items");
  return input.map((item: unknown, index) => {
    const given = asObject(item, `input[${index}]`);
    if (given.type !== undefined && given.type !== null) return given;
    // Messages and references may leave their type away.
    return { ...given, type: given.role === undefined ? "item_reference" : "message" };
  });
}
