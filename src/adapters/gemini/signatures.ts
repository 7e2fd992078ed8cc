import type { JsonObject } from "../../core/generation.ts";
import { objectOf, textOf } from "../json.ts";

/**
 * The signature of the thought behind a call or a text, as an extension of the tool call or the message. It stands
 * where Google's own OpenAI-compatible layer has it (`extra_content.google.thought_signature`), so that clients that
 * know that layer bring it back by themselves; all others do by sending the message back as they got it.
 */
export const signatureFields = (signature: string): JsonObject => ({
  extra_content: { google: { thought_signature: signature } },
});

/** The signature that came back with a tool call or a message. */
export const carriedSignature = (holder: JsonObject): string | undefined =>
  textOf(objectOf(objectOf(holder.extra_content)?.google)?.thought_signature);

/** Documented by Google for calls whose signature is lost, such as those that another model made: it is not looked at. */
export const LOST_SIGNATURE = "skip_thought_signature_validator";
