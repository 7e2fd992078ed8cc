import { type Answer, askedIn, frame, TOOL, type Told, type Wire } from "./wire.ts";

const errorOf = (type: string): object => ({ type, message: "The vendor says no." });

/** Anthropic's Messages, as its API reference has them. */
export const anthropic: Wire = {
  name: "anthropic",
  adapter: "anthropic",
  baseUrl: (url) => url,
  read: (path, body) => (path.endsWith("/v1/messages") ? askedIn(body, "chat") : undefined),
  frames(answer) {
    const [first, ...more] = answer.usage;
    const { block, deltas } = blockOf(answer);
    const start = event("content_block_start", { index: 0, content_block: block });
    const pieces = deltas.map((delta) => event("content_block_delta", { index: 0, delta }));
    const message = {
      ...HEAD,
      content: [],
      stop_reason: null,
      ...(first === undefined ? {} : { usage: { input_tokens: first.prompt, output_tokens: 1 } }),
    };
    const opening = event("message_start", { message }) + event("ping", {});
    return {
      // The start of a call is content: its name has gone out then.
      opening: answer.call === undefined ? opening + start : opening,
      content: answer.call === undefined ? pieces : [start, ...pieces],
      finish: [
        event("content_block_stop", { index: 0 }),
        event("message_delta", { delta: { stop_reason: reasonOf(answer) }, ...outputOf(first) }),
        ...more.map((told) => event("message_delta", { delta: {}, ...outputOf(told) })),
      ].join(""),
      usage: "",
      end: event("message_stop", {}),
    };
  },
  whole(answer) {
    const told = answer.usage.at(-1);
    const content =
      answer.call === undefined
        ? { type: "text", text: answer.words.join("") }
        : { type: "tool_use", id: "toolu_1", name: TOOL, input: JSON.parse(answer.call.join("")) };
    return JSON.stringify({
      ...HEAD,
      content: [content],
      stop_reason: reasonOf(answer),
      ...(told === undefined ? {} : { usage: { input_tokens: told.prompt, output_tokens: told.completion } }),
    });
  },
  refusal: (status) => JSON.stringify({ type: "error", error: errorOf(TYPES[status] ?? "api_error") }),
  failure: event("error", { error: errorOf("overloaded_error") }),
  tellsPromptFirst: true,
  tellsUsageWithFinish: true,
};

const HEAD = { id: "msg_wall", type: "message", role: "assistant", model: "wall", stop_sequence: null };
const TYPES: Readonly<Partial<Record<number, string>>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

function event(type: string, fields: object): string {
  return frame({ type, ...fields }, type);
}

const reasonOf = ({ call }: Answer): string => (call === undefined ? "end_turn" : "tool_use");
const outputOf = (told: Told | undefined): object =>
  told === undefined ? {} : { usage: { output_tokens: told.completion } };

function blockOf({ words, call }: Answer): { readonly block: object; readonly deltas: readonly object[] } {
  return call === undefined
    ? { block: { type: "text", text: "" }, deltas: words.map((text) => ({ type: "text_delta", text })) }
    : {
        block: { type: "tool_use", id: "toolu_1", name: TOOL, input: {} },
        deltas: call.map((partial_json) => ({ type: "input_json_delta", partial_json })),
      };
}
