import type { GenerationEvent } from "../../../core/generation.ts";
import type { TenantId } from "../../../core/ids.ts";
import { NOT_YET } from "../../../core/poll.ts";
import type { StreamGeneration } from "../../../gateway/gateway.ts";
import { Output } from "./output.ts";
import type { Piece } from "./piece.ts";
import type { ResponsesRequest } from "./request.ts";
import { type ResponseAbout, responseObject, statusOf, suffixOf } from "./response-object.ts";
import { explained, MOST_RESPONSE_CHARS, type StreamBodyPorts } from "./stream-body.ts";

/**
 * The same generation, whose response is kept before it says that it is over: whoever reads a resumable stream, or
 * nobody, a response is there when it has ended.
 */
export function keptGeneration(
  { clock, keeping }: StreamBodyPorts,
  generation: StreamGeneration,
  tenant: TenantId,
  about: ResponseAbout,
  request: ResponsesRequest,
): StreamGeneration {
  const output = new Output({
    suffix: suffixOf(about.requestId),
    summarizes: request.summarizes,
    emit() {},
  });
  let said = 0;
  const chars = (): number => said + output.chars;
  let isKept = !request.store;
  /** The generation is over, and its response is being kept; then that is done. */
  let isEnding = false;
  let isOver = false;
  let waiting: (() => void) | undefined;

  const keep = async (): Promise<void> => {
    const final = generation.final && explained(generation.final, chars());
    if (isKept || final === undefined) return;
    isKept = true;
    // Nobody's wish, or about to be gone on with by another node.
    if (final.outcome === "cancelled") return;
    const status = statusOf(final);
    output.end(status === "completed" ? "completed" : "incomplete");
    const endedAt = Math.floor(clock.now() / 1_000);
    const response = responseObject(about, { status, output: output.items(), final, endedAt });
    await keeping.keep(tenant, request, response);
  };

  return {
    kind: "stream",
    started: generation.started,
    streamId: generation.streamId,
    get final() {
      return generation.final && explained(generation.final, chars());
    },
    poll() {
      if (isOver || isEnding) return isOver ? null : NOT_YET;
      const passage = generation.poll();
      if (passage === NOT_YET) return NOT_YET;
      if (passage === null) {
        isEnding = true;
        void keep().finally(() => {
          isOver = true;
          waiting?.();
        });
        return NOT_YET;
      }
      for (const event of passage.events) {
        const piece = pieceOf(event);
        if (piece === undefined) continue;
        said += "text" in piece ? piece.text.length : piece.arguments.length;
        output.write(piece);
      }
      if (chars() > MOST_RESPONSE_CHARS) generation.cancel();
      return passage;
    },
    whenReady(run) {
      if (!isEnding) generation.whenReady(run);
      else waiting = run;
    },
    cancel: () => generation.cancel(),
  };
}

type SaidPiece = Exclude<Piece, { readonly kind: "carried" }>;

function pieceOf(event: GenerationEvent): SaidPiece | undefined {
  switch (event.type) {
    case "text":
    case "refusal":
    case "reasoning":
      return event.choice === 0 ? { kind: event.type, text: event.text } : undefined;
    case "toolCall": {
      const { type: _, choice, ...call } = event;
      return choice === 0 ? { kind: "call", ...call } : undefined;
    }
    default:
      return undefined;
  }
}
