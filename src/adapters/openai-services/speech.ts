import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { authorized, type Service } from "./service.ts";
import { openSpeechStream } from "./speech-stream.ts";

/** What makes a vendor's speech different from the others'. */
export interface SpeechTraits {
  /**
   * Whether the model can tell its sound in events. These end with its usage, of which sound alone says nothing: so they
   * are asked for whatever the client wants, who is given the sound in them (guide to text to speech; spec 2.3.0).
   */
  tellsEvents(model: string): "yes" | "no" | "perhaps";
}

/** `POST /audio/speech`: sound as it is made, or events that hold it. */
export const createSpeech = ({ tellsEvents }: SpeechTraits): Service => ({
  buildCall(request, target) {
    const wantsEvents = request.body.stream_format === "sse";
    const can = tellsEvents(target.model);
    if (wantsEvents && can === "no") {
      const message = `The model '${target.model}' gives no events: leave 'stream_format' out.`;
      throw new SluiceError("unsupported_parameter", message, { param: "stream_format" });
    }
    const { stream_format: _, ...rest } = request.body;
    const body: JsonObject = {
      ...rest,
      model: target.model,
      ...(wantsEvents || can === "yes" ? { stream_format: "sse" } : {}),
    };
    return {
      method: "POST",
      url: `${target.baseUrl}/audio/speech`,
      headers: authorized(target, "application/json", "*/*"),
      body: JSON.stringify(body),
    };
  },
  openStream: (request, judge) => openSpeechStream(request.body.stream_format === "sse", judge),
});
