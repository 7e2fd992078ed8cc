import type { JsonObject } from "../../core/generation.ts";
import { openCarried, sealCarried } from "../openai/responses/carried.ts";
import { objectIn } from "../openai/responses/chat-pieces.ts";

/**
 * The signature of thoughts that another vendor had: clients return it unseen, and it tells that they are not
 * Anthropic's, which would refuse them.
 */
export const OWN_SIGNATURE = "sluice";

/** What a vendor wants back with an answer: fields of its message, and of its tool calls by their ids. */
export interface Carried {
  readonly message: JsonObject;
  readonly calls: JsonObject;
}

/** As the `data` of a redacted thought, which clients return unseen. */
export const sealThought = ({ message, calls }: Carried): string => sealCarried({ message, calls });

/** Undefined for what was not made here. */
export function openThought(data: unknown): Carried | undefined {
  const carried = openCarried(data);
  if (carried === undefined) return undefined;
  return { message: objectIn(carried.message) ?? {}, calls: objectIn(carried.calls) ?? {} };
}

/** True for a block that some other vendor than Anthropic thought, or that nobody vouches for. */
export function isForeignThought({ type, signature, data }: JsonObject): boolean {
  if (type === "thinking") return typeof signature !== "string" || /^(?:sluice)?$/.test(signature);
  return type === "redacted_thinking" && openThought(data) !== undefined;
}
