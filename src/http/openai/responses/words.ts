import { ownOf } from "../../../core/own-of.ts";
import { rewordedError } from "../../reworded-error.ts";

/** Chat's fields by the names that they have here. */
const HERE: Readonly<Record<string, string>> = {
  messages: "input",
  max_completion_tokens: "max_output_tokens",
  max_tokens: "max_output_tokens",
  response_format: "text.format",
  reasoning_effort: "reasoning.effort",
  verbosity: "text.verbosity",
};

/** A field, or a part of one, as the client called it. Places among the messages are none of its own. */
export function wordHere(field: string): string {
  const [name = ""] = field.split(/[.[]/);
  const here = ownOf(HERE, name);
  if (here === undefined) return field;
  const place = field.slice(name.length);
  return name === "messages" && place.startsWith("[") ? here : here + place;
}

/** The same error, in this dialect's words. */
export const errorHere = (thrown: unknown): unknown => rewordedError(thrown, wordHere);
