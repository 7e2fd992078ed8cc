import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { Target } from "../adapter.ts";
import { isObject, listOf, textOf } from "../json.ts";
import { reasoningIn } from "../openai-family/carried-reasoning.ts";
import { usualUrl } from "../openai-family/member.ts";
import { developerToSystem, messagesOf, schemaIntoPrompt } from "../openai-family/messages.ts";
import { limitOutput, type RequestDraft } from "../openai-family/request-draft.ts";

/** The most an answer can have, and the same for fill-in-the-middle (DeepSeek's documentation). */
const MAX_OUTPUT_TOKENS = 393_216;
const MAX_FILL_TOKENS = 4_096;
const MAX_STOPS = 16;

/** Not in DeepSeek's API, and OpenAI's newer fields of the same kind. */
const UNSUPPORTED = [
  "n",
  "seed",
  "logit_bias",
  "parallel_tool_calls",
  "service_tier",
  "store",
  "metadata",
  "modalities",
  "audio",
  "prediction",
  "top_k",
  "verbosity",
  "web_search_options",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "moderation",
];

export function shape(draft: RequestDraft, request: GenerationRequest, target: Target): void {
  draft.removeNulls();
  nameEndUser(draft);
  draft.drop(...UNSUPPORTED);
  if (listOf(draft.get("stop")).length > MAX_STOPS) {
    throw new SluiceError("unsupported_parameter", `DeepSeek takes at most ${MAX_STOPS} stop sequences.`, {
      param: "stop",
    });
  }
  const isFill = request.operation === "completion";
  const most = isFill ? MAX_FILL_TOKENS : MAX_OUTPUT_TOKENS;
  limitOutput(draft, "max_tokens", { capped: target.cappedOutputTokens, most });
  if (isFill) onePrompt(draft);
  else shapeChat(draft);
}

/**
 * Completions and the continuing of an assistant message live under `/beta`. The base URL may be given with
 * or without `/v1`.
 */
export function url(request: GenerationRequest, target: Target): string {
  const isBeta = request.operation === "completion" || continuesAnswer(request);
  if (!isBeta || target.baseUrl.endsWith("/beta")) return usualUrl(request, target);
  return usualUrl(request, { ...target, baseUrl: `${target.baseUrl.replace(/\/v1$/, "")}/beta` });
}

function continuesAnswer(request: GenerationRequest): boolean {
  const last = listOf(request.body.messages).at(-1);
  return isObject(last) && last.role === "assistant" && last.prefix === true;
}

function shapeChat(draft: RequestDraft): void {
  developerToSystem(draft);
  schemaIntoPrompt(draft);
  withoutStrictTools(draft);
  if (draft.get("reasoning_effort") === "none") {
    draft.remove("reasoning_effort");
    draft.set("thinking", { type: "disabled" });
  }
  nameReasoning(draft);
  if (lacksReasoning(draft)) withoutThinking(draft);
}

/** `user` is called `user_id` here and takes fewer characters. */
function nameEndUser(draft: RequestDraft): void {
  const user =
    textOf(draft.get("user_id")) ?? textOf(draft.get("user")) ?? textOf(draft.get("safety_identifier"));
  draft.remove("user", "safety_identifier", "user_id");
  if (user !== undefined) draft.set("user_id", user.replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, 512));
}

/** `strict` is refused outside the beta surface. */
function withoutStrictTools(draft: RequestDraft): void {
  const tools = listOf(draft.get("tools"));
  if (!tools.some(isStrict)) return;
  draft.note("tools.function.strict");
  draft.set(
    "tools",
    tools.map((tool) => {
      if (!isObject(tool) || !isObject(tool.function)) return tool;
      const { strict: _, ...called } = tool.function;
      return { ...tool, function: called };
    }),
  );
}

const isStrict = (tool: unknown): boolean =>
  isObject(tool) && isObject(tool.function) && "strict" in tool.function;

/** Under the one name that DeepSeek has for it: others call it `reasoning`, and a stream brings it as details. */
function nameReasoning(draft: RequestDraft): void {
  const messages = messagesOf(draft);
  if (!messages.some(isOtherwise)) return;
  draft.set(
    "messages",
    messages.map((message) => {
      if (!isOtherwise(message)) return message;
      const { reasoning, reasoning_details, reasoning_content, ...rest } = message;
      // Of a stream that was put together field by field, `reasoning_content` is the last piece, or null.
      const whole = reasoningIn(reasoning_details) ?? textOf(reasoning_content) ?? textOf(reasoning);
      return whole === undefined ? rest : { ...rest, reasoning_content: whole };
    }),
  );
}

const isOtherwise = (message: unknown): message is JsonObject =>
  isObject(message) && (message.reasoning !== undefined || message.reasoning_details !== undefined);

/**
 * With thinking on, DeepSeek refuses a conversation in which an assistant message with tool calls comes
 * back without its `reasoning_content` (a 400). OpenAI's clients drop it, so thinking has to go.
 */
const lacksReasoning = (draft: RequestDraft): boolean => messagesOf(draft).some(isCallWithoutReasoning);

const isCallWithoutReasoning = (message: unknown): boolean =>
  isObject(message) &&
  message.role === "assistant" &&
  listOf(message.tool_calls).length > 0 &&
  typeof message.reasoning_content !== "string";

function withoutThinking(draft: RequestDraft): void {
  const thinking = draft.get("thinking");
  if (isObject(thinking) && thinking.type === "disabled") return;
  draft.drop("reasoning_effort");
  draft.note("thinking");
  draft.set("thinking", { type: "disabled" });
}

/** Fill-in-the-middle takes one text. */
function onePrompt(draft: RequestDraft): void {
  const prompt = draft.get("prompt");
  const [first, second] = listOf(prompt);
  if (typeof prompt === "string") return;
  if (typeof first !== "string" || second !== undefined) {
    throw new SluiceError("unsupported_parameter", "DeepSeek takes one prompt, as text.", {
      param: "prompt",
    });
  }
  draft.set("prompt", first);
}
