import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { unsupported } from "../failure/unsupported.ts";
import { listOf, textOf } from "../json.ts";
import { draftOf, type RequestDraft } from "../openai-family/request-draft.ts";
import { shapeAnswerFormat } from "./answer-format.ts";
import { cacheControlIn } from "./cache-control.ts";
import { type Conversation, calledTools, conversationOf, lacksThoughts } from "./messages.ts";
import { LONGEST_SILENT_TOKENS, limitTokens, messagesCall } from "./messages-call.ts";
import { type Traits, traitsOf } from "./models.ts";
import { buildNativeCall } from "./native-request.ts";
import { shapeSampling, shapeThinking } from "./thinking.ts";
import { shapeTools } from "./tools.ts";

/** Everything that is sent for a client of OpenAI's dialect; whatever else a client asks for is dropped and told. */
const FIELDS = new Set([
  "model",
  "max_tokens",
  "messages",
  "system",
  "stream",
  "stop_sequences",
  "temperature",
  "top_p",
  "top_k",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "metadata",
  "service_tier",
  "cache_control",
]);

/** Anthropic's names for what is said otherwise in OpenAI's dialect, or means something else there. */
const NOT_THE_CLIENTS = ["system", "stop_sequences", "output_config", "metadata"];

/**
 * The Messages call for a client's chat body.
 * @throws SluiceError `unsupported_parameter` for what Anthropic cannot express
 */
export function buildCall(request: GenerationRequest, target: Target): VendorCall {
  if (request.native?.dialect === "anthropic") return buildNativeCall(request, request.native, target);
  const draft = draftOf(request.body);
  draft.removeNulls();
  refuseInexpressible(draft);
  draft.drop(...NOT_THE_CLIENTS);
  const traits = traitsOf(target.model);
  const maxTokens = limitTokens(draft, target);
  const streams = request.stream || maxTokens > LONGEST_SILENT_TOKENS;
  shape(draft, traits, maxTokens);
  draft.remove("stream_options");
  return messagesCall(draft, FIELDS, target, streams);
}

function refuseInexpressible(draft: RequestDraft): void {
  const choices = draft.get("n");
  if (choices !== undefined && choices !== 1)
    throw unsupported("n", "Anthropic gives one answer to a request.");
  for (const name of ["functions", "function_call"]) {
    if (draft.get(name) !== undefined)
      throw unsupported(name, "Anthropic knows tools, not functions: use 'tools'.");
  }
}

function shape(draft: RequestDraft, traits: Traits, maxTokens: number): void {
  const conversation = conversationOf(draft.get("messages"), draft.note);
  const { isForced, instruction: toCall } = shapeTools(draft, traits, calledTools(conversation));
  const { format, instruction: toFormat } = shapeAnswerFormat(draft, traits);
  const around = { maxTokens, isForced, lacksThoughts: lacksThoughts(conversation) };
  const effort = shapeThinking(draft, traits, around);
  if (effort !== undefined || format !== undefined) {
    draft.set("output_config", {
      ...(effort === undefined ? {} : { effort }),
      ...(format === undefined ? {} : { format }),
    });
  }
  shapeSampling(draft, traits);
  shapeStops(draft);
  shapeAccount(draft);
  const marked = cacheControlIn({ cache_control: draft.get("cache_control") }, draft.note);
  draft.remove("cache_control");
  if (marked.cache_control !== undefined) draft.set("cache_control", marked.cache_control);
  draft.set("messages", turnsFor(conversation, traits));
  const system = systemOf(conversation.system, [toCall, toFormat]);
  if (system !== undefined) draft.set("system", system);
}

/** One text where that is all there is; blocks where one of them marks the end of what is cached. */
function systemOf(
  blocks: readonly JsonObject[],
  instructions: readonly (string | undefined)[],
): string | readonly JsonObject[] | undefined {
  const added = instructions.flatMap((text) => (text === undefined ? [] : [{ type: "text", text }]));
  const all: readonly JsonObject[] = [...blocks, ...added];
  if (all.length === 0) return undefined;
  if (all.some((block) => block.cache_control !== undefined)) return all;
  return all.map(({ text }) => String(text)).join("\n\n");
}

function turnsFor({ turns }: Conversation, traits: Traits): readonly JsonObject[] {
  const last = turns.at(-1);
  if (last?.role === "assistant" && !traits.continuesAnswers) {
    throw unsupported(
      "messages",
      "This model does not go on with an assistant's message: the last must be a user's.",
    );
  }
  return turns.map((turn) => {
    const content = turn === last && turn.role === "assistant" ? trimmed(turn.content) : turn.content;
    return { role: turn.role, content: plain(content) };
  });
}

/** White space at the end of an answer that is to be continued is refused. */
function trimmed(content: readonly JsonObject[]): readonly JsonObject[] {
  const last = content.at(-1);
  return last?.type === "text"
    ? [...content.slice(0, -1), { ...last, text: String(last.text).trimEnd() }]
    : content;
}

/** A lone text needs no list. */
function plain(content: readonly JsonObject[]): string | readonly JsonObject[] {
  const [first, second] = content;
  const isPlain = second === undefined && first?.type === "text" && first.cache_control === undefined;
  return isPlain ? String(first.text) : content;
}

/** Sequences of white space alone are refused. */
function shapeStops(draft: RequestDraft): void {
  const stop = draft.get("stop");
  draft.remove("stop");
  const all = (typeof stop === "string" ? [stop] : listOf(stop)).filter((one) => one !== "");
  const meant = all.filter((one) => typeof one === "string" && one.trim() !== "");
  if (meant.length < all.length) draft.note("stop");
  if (meant.length > 0) draft.set("stop_sequences", meant);
}

/** Who asks, and out of which capacity. */
function shapeAccount(draft: RequestDraft): void {
  const user = textOf(draft.get("safety_identifier")) ?? textOf(draft.get("user"));
  draft.remove("safety_identifier", "user");
  if (user !== undefined) draft.set("metadata", { user_id: user.slice(0, 256) });
  const tier = draft.get("service_tier");
  if (tier === "default") draft.set("service_tier", "standard_only");
  else draft.drop("service_tier");
}
