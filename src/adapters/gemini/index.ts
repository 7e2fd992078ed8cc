import type { Clock } from "../../core/clock.ts";
import type { GenerationRequest, NativeRequest } from "../../core/generation.ts";
import type { Adapter, Target, VendorCall } from "../adapter.ts";
import { createTranslatedStream } from "../openai-frames/translated-stream.ts";
import { readAnswer } from "./answer.ts";
import { countingOf } from "./counting.ts";
import { readEmbedding } from "./embedding-answer.ts";
import { classifyError } from "./errors.ts";
import { createResponseReader } from "./events.ts";
import { readNativeAnswer } from "./native-answer.ts";
import { buildNativeCall } from "./native-request.ts";
import { OWN_FRAMES } from "./own-frames.ts";
import { buildCall } from "./request.ts";

/**
 * Google's Gemini (the Developer API) for clients of OpenAI's dialect and of its own: chat, whole and streamed,
 * and embeddings.
 * Answers that another vendor began are gone on with by an instruction: nothing is said of a model taking a turn of its
 * own that stands last for its beginning.
 * @param clock for the `created` of answers, which Gemini does not say
 */
export const createGemini = (clock: Clock): Adapter => {
  const created = (): number => Math.floor(clock.now() / 1_000);
  return {
    name: "gemini",
    defaultBaseUrl: "https://generativelanguage.googleapis.com/v1beta",
    operations: new Set(["chat", "embedding"]),
    nativeDialect: "gemini",
    buildCall: callOf,
    counting: countingOf(callOf),
    readAnswer(request, body, secret = "") {
      if (nativeOf(request) !== undefined) return readNativeAnswer(request, body, secret);
      return request.operation === "embedding"
        ? readEmbedding(request, body, secret)
        : readAnswer(request.choices, body, secret, created());
    },
    openStream: (request, mode, secret = "", remembers = false) =>
      createTranslatedStream(createResponseReader(request.choices, secret), {
        ...{ mode, created: created(), remembers },
        own: nativeOf(request) === undefined ? undefined : OWN_FRAMES,
      }),
    classifyError,
  };
};

const nativeOf = ({ native }: GenerationRequest): NativeRequest | undefined =>
  native?.dialect === "gemini" ? native : undefined;

function callOf(request: GenerationRequest, target: Target): VendorCall {
  const native = nativeOf(request);
  return native === undefined ? buildCall(request, target) : buildNativeCall(request, native, target);
}
