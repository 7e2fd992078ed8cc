import { formatPoints } from "../../core/points.ts";
import type { Final } from "../../gateway/gateway.ts";
import { errorBody } from "../errors.ts";
import { toOpenAiUsage } from "./usage.ts";

/** Names the chunks of one stream, so that a chunk written here looks like the vendor's own. */
export interface ChunkNames {
  readonly id: string;
  readonly object: "chat.completion.chunk" | "text_completion";
  /** Epoch seconds. */
  readonly created: number;
  readonly model: string;
}

/**
 * The last frames of a stream in OpenAI's dialect. A completed one: the usage chunk if it was asked for, the
 * comment that tells the charge, `[DONE]`. Any other: an error event and the comment, never `[DONE]`.
 */
export function endFrames(final: Final, requestId: string, names: ChunkNames | undefined): string {
  const { error } = final;
  if (error !== undefined)
    return `data: ${JSON.stringify(errorBody(error, requestId))}\n\n${chargeComment(final)}`;
  const usage =
    names === undefined
      ? ""
      : `data: ${JSON.stringify({ ...names, choices: [], usage: toOpenAiUsage(final.usage) })}\n\n`;
  return `${usage}${chargeComment(final)}data: [DONE]\n\n`;
}

/** The comment before an end marker, which says how it ended and what it cost. */
export function chargeComment(final: Final): string {
  const told = {
    outcome: final.outcome,
    cost: formatPoints(final.cost),
    usage: toOpenAiUsage(final.usage),
    vendor: final.vendor,
    ...(final.vendors === undefined ? {} : { vendors: final.vendors }),
  };
  return `: sluice ${JSON.stringify(told)}\n\n`;
}
