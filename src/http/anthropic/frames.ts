import type { Final } from "../../gateway/gateway.ts";
import { chargeComment } from "../openai/stream-end.ts";
import { anthropicErrorBody } from "./errors.ts";
import type { MessageEvent } from "./message-events.ts";

/** An event as it stands in a stream: its name, and its data, which says the name again. */
export const eventFrame = (event: MessageEvent): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** The last event: of a good end behind the comment, of a bad one before it. */
export function lastEvent({ error }: Final, requestId: string): MessageEvent {
  return error === undefined ? { type: "message_stop" } : { ...anthropicErrorBody(error, requestId) };
}

/** What ends a stream, together with its comment. */
export function endFrames(final: Final, requestId: string): string {
  const last = eventFrame(lastEvent(final, requestId));
  return final.error === undefined ? chargeComment(final) + last : last + chargeComment(final);
}
