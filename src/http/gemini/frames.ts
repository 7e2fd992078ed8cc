import type { JsonObject } from "../../core/generation.ts";
import type { Final } from "../../gateway/gateway.ts";
import { chargeComment } from "../openai/stream-end.ts";
import { geminiErrorBody } from "./errors.ts";

/** A response as it stands in a stream. */
export const responseFrame = (response: JsonObject): string => `data: ${JSON.stringify(response)}\n\n`;

/** What ends a stream that broke off: an error in place of a reason for the end, and the comment. */
export function badEndFrames(error: NonNullable<Final["error"]>, final: Final, requestId: string): string {
  return responseFrame({ ...geminiErrorBody(error, requestId) }) + chargeComment(final);
}
