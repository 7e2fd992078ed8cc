import type { StreamGeneration } from "../../../gateway/gateway.ts";
import { errorBody } from "../../errors.ts";
import { generationBody } from "../../generation-body.ts";
import { chargeComment } from "../stream-end.ts";

const encoder = new TextEncoder();

/**
 * Events of sound or of a transcript: the vendor's frames as they came, the last one (`….done`) behind the comment of the
 * charge, then `[DONE]`. Any other end than a completed one is an error event and the comment.
 */
export function eventBody(generation: StreamGeneration): ReadableStream<Uint8Array> {
  let closing: Uint8Array | undefined;
  return generationBody(generation, {
    of(passage) {
      closing = passage.closing ?? closing;
      return passage.bytes?.byteLength === 0 ? undefined : passage.bytes;
    },
    end(final) {
      if (final.error === undefined)
        return Buffer.concat([encoder.encode(chargeComment(final)), closing ?? NOTHING, DONE]);
      const body = errorBody(final.error, generation.started.requestId);
      return encoder.encode(`data: ${JSON.stringify(body)}\n\n${chargeComment(final)}`);
    },
  });
}

const NOTHING = new Uint8Array();
const DONE = encoder.encode("data: [DONE]\n\n");
