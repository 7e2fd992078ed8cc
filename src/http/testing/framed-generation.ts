import { SluiceError } from "../../core/errors.ts";
import type { NativeDialect, Outcome } from "../../core/generation.ts";
import { requestId, streamId, vendorId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import { NOT_YET } from "../../core/poll.ts";
import { NO_USAGE, type Usage } from "../../core/usage.ts";
import type { Final, StreamGeneration } from "../../gateway/gateway.ts";

/** Frames of one read: OpenAI's chunks, or of a vendor that speaks for itself. */
export type Said = string | { readonly own: string };

export interface FramedGeneration extends StreamGeneration {
  isCancelled: boolean;
}

/**
 * A generation whose passages are frames, all of them there.
 * @param isEndless the vendor is silent behind what it said
 */
export function framedGeneration(
  said: readonly Said[],
  dialect: NativeDialect,
  final: Final,
  isEndless = false,
): FramedGeneration {
  const rest = [...said];
  let isOver = false;
  return {
    kind: "stream",
    streamId: streamId("str_a"),
    started: { requestId: requestId("req_a"), vendor: vendorId("v"), vendorModel: "m", attempts: 1 },
    isCancelled: false,
    get final() {
      return isOver ? final : undefined;
    },
    poll() {
      const one = rest.shift();
      if (one !== undefined) {
        const bytes = Buffer.from(typeof one === "string" ? one : one.own);
        return { events: [], hasContent: true, bytes, ...(typeof one === "string" ? {} : { dialect }) };
      }
      if (isEndless) return NOT_YET;
      isOver = true;
      return null;
    },
    whenReady() {},
    cancel() {
      this.isCancelled = true;
    },
  };
}

/** How it ended, with an error for every outcome but `completed`. */
export function framedFinal(
  outcome: Outcome,
  finishReason: string | null,
  usage: Partial<Usage> = {},
): Final {
  return {
    outcome,
    finishReason,
    usage: { ...NO_USAGE, input: 7, cachedInput: 2, output: 5, reasoning: 3, ...usage },
    cost: micropointsOf(9n),
    vendor: vendorId("v"),
    ...(outcome === "completed" ? {} : { error: new SluiceError("stream_truncated", "It broke.") }),
  };
}
