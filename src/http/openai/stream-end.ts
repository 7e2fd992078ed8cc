import { formatPoints } from "../../core/points.ts";
import type { Final } from "../../gateway/gateway.ts";
import { errorBody } from "../errors.ts";
import { toOpenAiUsage } from "./usage.ts";

/** Names the chunks of one stream, so that a chunk written here looks like the vendor's own. */
export interface ChunkNames {
  id: string;
  readonly object: "chat.completion.chunk" | "text_completion";
  /** Epoch seconds. */
  readonly created: number;
  model: string;
}

/**
 * The last frames of a stream in OpenAI's dialect. A completed one: the usage chunk if it was asked for, the
 * comment that tells the charge, `[DONE]`. Any other: an error event and the comment, never `[DONE]`.
 */
export function endFrames(final: Final, requestId: string, names: ChunkNames | undefined): string {
  const { error } = final;
  if (error !== undefined)
    return `data: ${JSON.stringify(errorBody(error, requestId))}\n\n${chargeComment(final)}`;
  const usage = toOpenAiUsage(final.usage);
  const comment = chargeComment(final, usage);
  if (names === undefined) return `${comment}data: [DONE]\n\n`;
  const { id, object, created, model } = names;
  const chunk = { id, object, created, model, choices: NO_CHOICES, usage };
  return `data: ${JSON.stringify(chunk)}\n\n${comment}data: [DONE]\n\n`;
}

const NO_CHOICES: readonly never[] = [];

/** The comment before an end marker, which says how it ended and what it cost. */
export function chargeComment(final: Final, usage = toOpenAiUsage(final.usage)): string {
  const { outcome, vendor, vendors } = final;
  // What is undefined is not written.
  const told = { outcome, cost: formatPoints(final.cost), usage, vendor, vendors };
  return `: sluice ${JSON.stringify(told)}\n\n`;
}
