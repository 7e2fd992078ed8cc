import type { JsonObject } from "../../core/generation.ts";

/** What the suite has to know of a vendor's wire; `wire.json` beside the fixtures where it is not OpenAI's. */
export interface Wire {
  /** Of a streamed chat with model `vendor-model`, below the base URL `http://vendor.test/v1`. */
  readonly url: string;
  readonly keyHeader: string;
  /** Before the key in its header. */
  readonly keyPrefix: string;
  /** What the body of that chat must hold, whose one message is "hi". */
  readonly streamed: JsonObject;
  /** Where the output limit may stand in a body; a dot goes into an object. */
  readonly limits: readonly string[];
  /** Frames of a stream: the text "a", an error whose message is "no $KEY", the text "b", the normal end. */
  readonly failing: readonly string[];
}

export const OPENAI_WIRE: Wire = {
  url: "http://vendor.test/v1/chat/completions",
  keyHeader: "authorization",
  keyPrefix: "Bearer ",
  streamed: {
    model: "vendor-model",
    messages: [{ role: "user", content: "hi" }],
    stream: true,
    stream_options: { include_usage: true },
  },
  limits: ["max_tokens", "max_completion_tokens"],
  failing: [
    'data: {"id":"1","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}',
    'data: {"error":{"message":"no $KEY","code":"server_error","type":"server_error"}}',
    'data: {"id":"1","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":null}]}',
    "data: [DONE]",
  ],
};
