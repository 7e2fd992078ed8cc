import { type Answer, askedIn, frame, TOOL, type Told, type Wire } from "./wire.ts";

const WORDS = { message: "The vendor says no.", code: null, param: null };

/** OpenAI's Responses, as its API reference has them: the last event says the end, its reason, the usage and everything again. */
export const openaiResponses: Wire = {
  name: "openai-responses",
  adapter: "openai",
  baseUrl: (url) => `${url}/v1`,
  read: (path, body) => (path.endsWith("/responses") ? askedIn(body, "chat") : undefined),
  frames(answer) {
    const item = itemOf(answer);
    const begun = { ...HEAD, status: "in_progress", output: [], usage: null };
    const opening = event("created", { response: begun }) + event("in_progress", { response: begun });
    const added = event("output_item.added", { output_index: 0, item: { ...item, ...EMPTY } });
    const part = { type: "output_text", text: "", annotations: [] };
    const end = event("completed", { response: wholeOf(answer) });
    const done = event("output_item.done", { output_index: 0, item });
    if (answer.call !== undefined) {
      const pieces = answer.call.map((delta) => event("function_call_arguments.delta", { ...PLACE, delta }));
      // The start of a call is content: its name has gone out then.
      return { opening, content: [added, ...pieces], finish: done, usage: "", end };
    }
    const text = answer.words.join("");
    return {
      opening: opening + added + event("content_part.added", { ...PLACE, content_index: 0, part }),
      content: answer.words.map((delta) => event("output_text.delta", { ...PLACE, content_index: 0, delta })),
      finish:
        event("output_text.done", { ...PLACE, content_index: 0, text }) +
        event("content_part.done", { ...PLACE, content_index: 0, part: { ...part, text } }) +
        done,
      usage: "",
      end,
    };
  },
  whole: (answer) => JSON.stringify(wholeOf(answer)),
  refusal: (status) => JSON.stringify({ error: { ...WORDS, type: TYPES[status] ?? "server_error" } }),
  failure: frame({ type: "error", error: { ...WORDS, type: "server_error" } }, "error"),
  tellsPromptFirst: false,
  tellsUsageWithFinish: true,
  lacks: ["finish by itself"],
};

const HEAD = { id: "resp_0a1b2c", object: "response", created_at: 1_770_933_892, model: "wall", error: null };
const PLACE = { item_id: "msg_0a1b2c", output_index: 0 };
const EMPTY = { status: "in_progress", content: [], arguments: "" };
const TYPES: Readonly<Partial<Record<number, string>>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  429: "rate_limit_error",
};

const event = (name: string, fields: object): string => {
  const type = `response.${name}`;
  return frame({ type, ...fields }, type);
};

function itemOf({ words, call }: Answer): object {
  const item = { id: PLACE.item_id, status: "completed" };
  if (call !== undefined) {
    return { ...item, type: "function_call", call_id: "call_1", name: TOOL, arguments: call.join("") };
  }
  const part = { type: "output_text", text: words.join(""), annotations: [] };
  return { ...item, type: "message", role: "assistant", content: [part] };
}

function wholeOf(answer: Answer): object {
  const told = answer.usage.at(-1);
  const usage = told === undefined ? {} : { usage: usageOf(told) };
  return { ...HEAD, status: "completed", output: [itemOf(answer)], ...usage };
}

const usageOf = ({ prompt, completion }: Told): object => ({
  input_tokens: prompt,
  output_tokens: completion,
});
