import type { JsonObject } from "../../../core/generation.ts";
import { textOf } from "../../json.ts";
import type { SandboxSettings } from "../settings.ts";
import { promptTokensOf } from "../words.ts";
import { BYTES_A_SECOND, samplesOf, wavHead } from "./wav.ts";

/** A tenth of a second. */
const PIECE_BYTES = BYTES_A_SECOND / 10;
const TOKENS_A_SECOND = 20;

/** The text as WAV, or as bare samples for `pcm`; other formats are not made here. Pieces leave as they are read. */
export function speechAnswer(body: JsonObject, { fail, at, usage }: SandboxSettings): Response {
  const text = textOf(body.input) ?? "";
  const samples = samplesOf(text);
  const head = body.response_format === "pcm" ? new Uint8Array() : wavHead(text, samples.length);
  const pieces = [head, ...cut(samples)].filter((piece) => piece.length > 0);
  const isEvents = body.stream_format === "sse";
  const failsAt = at ?? Math.floor(pieces.length / 2);
  const isCut = fail === "cut" || fail === "reset" || fail === "no_end";
  let next = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[next];
      if (isCut && next >= failsAt) {
        // Events end by their last one; sound by its connection alone.
        if (isEvents && fail !== "reset") controller.close();
        else controller.error(new Error("The connection was reset."));
        return;
      }
      next += 1;
      if (piece !== undefined) controller.enqueue(isEvents ? event(deltaOf(piece)) : piece);
      else {
        if (isEvents) controller.enqueue(event(doneOf(text, samples.length, usage === "none")));
        controller.close();
      }
    },
  });
  return new Response(stream, { headers: { "content-type": isEvents ? "text/event-stream" : "audio/wav" } });
}

function cut(samples: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < samples.length; at += PIECE_BYTES)
    pieces.push(samples.subarray(at, at + PIECE_BYTES));
  return pieces;
}

const deltaOf = (piece: Uint8Array): object => ({
  type: "speech.audio.delta",
  audio: Buffer.from(piece).toString("base64"),
});

function doneOf(text: string, sampleBytes: number, isSilent: boolean): object {
  const input_tokens = Math.max(1, promptTokensOf(text));
  const output_tokens = Math.ceil((sampleBytes / BYTES_A_SECOND) * TOKENS_A_SECOND);
  const usage = { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens };
  return { type: "speech.audio.done", ...(isSilent ? {} : { usage }) };
}

const event = (value: object): Uint8Array => Buffer.from(`data: ${JSON.stringify(value)}\r\n\r\n`);
