import type { JsonObject } from "../../src/core/generation.ts";
import type { VendorRequest } from "./call.ts";
import type { Frame } from "./frames.ts";
import { isObject } from "./json.ts";
import type { Plan, PlannedChoice } from "./plan.ts";
import { type Script, TOOL_CALL_TOKENS } from "./script.ts";
import { SHAPES } from "./shapes.ts";
import { usagesOf } from "./usages.ts";

/** OpenAI's Responses as recordings have them; written apart from the adapter on purpose. */

/** A whole response. */
export function responseOf(request: VendorRequest, script: Script, plan: Plan, number: number): JsonObject {
  const [choice] = plan.choices;
  const output = choice === undefined ? [] : itemsOf(request, choice, number).map(({ item }) => item);
  return ended(request, script, plan, number, output);
}

/** The events of a response that is streamed. */
export function responseFrames(
  request: VendorRequest,
  script: Script,
  plan: Plan,
  number: number,
): readonly Frame[] {
  const frames: Frame[] = [];
  const emit = (type: string, fields: JsonObject, output = 0, reasoning = 0, hasUsage = false): void => {
    const data = { type, ...fields, sequence_number: frames.length };
    frames.push({ data, output, reasoning, hasUsage });
  };
  const begun = { ...headOf(request, number), status: "in_progress", output: [], usage: null };
  emit("response.created", { response: begun });
  emit("response.in_progress", { response: begun });
  const [choice] = plan.choices;
  const items = choice === undefined ? [] : itemsOf(request, choice, number);
  items.forEach(({ item, begin, hidden = 0, write }, output_index) => {
    emit("response.output_item.added", { item: begin, output_index });
    write((type, fields, output, reasoning) =>
      emit(type, { item_id: item.id, output_index, ...fields }, output, reasoning),
    );
    emit("response.output_item.done", { item, output_index }, 0, hidden);
  });
  if (script.end === "none") return frames;
  const response = ended(
    request,
    script,
    plan,
    number,
    items.map(({ item }) => item),
  );
  for (let left = script.end === "two_markers" ? 2 : 1; left > 0; left -= 1)
    emit(`response.${String(response.status)}`, { response }, 0, 0, true);
  return frames;
}

type Write = (type: string, fields: JsonObject, output?: number, reasoning?: number) => void;

interface PlannedItem {
  readonly item: JsonObject;
  readonly begin: JsonObject;
  /** Tokens that nobody sees. */
  readonly hidden?: number;
  write(emit: Write): void;
}

const PIECES_OF_ARGUMENTS = 3;

function itemsOf(request: VendorRequest, choice: PlannedChoice, number: number): readonly PlannedItem[] {
  const { reasoning, pieces, toolCalls } = choice;
  return [
    ...(reasoning.length === 0 ? [] : [thought(request, reasoning, number)]),
    ...(pieces.length === 0 && toolCalls.length > 0 ? [] : [message(pieces, number)]),
    ...toolCalls.map((call, at) => functionCall(call, `${number}_${at}`)),
  ];
}

function message(pieces: readonly string[], number: number): PlannedItem {
  const text = pieces.join("");
  const part = { type: "output_text", annotations: [], logprobs: [], text };
  const item = { id: idOf("msg", number), type: "message", status: "completed", role: "assistant" };
  const place = { content_index: 0 };
  return {
    item: { ...item, content: [part] },
    begin: { ...item, status: "in_progress", content: [] },
    write(emit) {
      emit("response.content_part.added", { ...place, part: { ...part, text: "" } });
      for (const delta of pieces) {
        const obfuscation = "x".repeat(16 - (delta.length % 16));
        emit("response.output_text.delta", { ...place, delta, logprobs: [], obfuscation }, 1);
      }
      emit("response.output_text.done", { ...place, text, logprobs: [] });
      emit("response.content_part.done", { ...place, part });
    },
  };
}

function functionCall(
  { id, name, arguments: text }: PlannedChoice["toolCalls"][number],
  number: string,
): PlannedItem {
  const item = { id: idOf("fc", number), type: "function_call", status: "completed", call_id: id, name };
  const size = Math.max(1, Math.ceil(text.length / PIECES_OF_ARGUMENTS));
  return {
    item: { ...item, arguments: text },
    begin: { ...item, status: "in_progress", arguments: "" },
    write(emit) {
      const pieces = text.match(new RegExp(`.{1,${size}}`, "gs")) ?? [];
      for (const delta of pieces)
        emit("response.function_call_arguments.delta", { delta }, TOOL_CALL_TOKENS / pieces.length);
      emit("response.function_call_arguments.done", { arguments: text });
    },
  };
}

/** Shown as a summary where one is asked for, and sealed where the client wants to send it back. */
function thought(request: VendorRequest, words: readonly string[], number: number): PlannedItem {
  const { reasoning, include } = request.body;
  const summarizes = isObject(reasoning) && typeof reasoning.summary === "string";
  const isSealed = Array.isArray(include) && include.includes("reasoning.encrypted_content");
  const sealed = isSealed ? { encrypted_content: `gAAAAAB${words.length}-${number}` } : {};
  const part = { type: "summary_text", text: words.join("") };
  const item = { id: idOf("rs", number), type: "reasoning", ...sealed };
  const place = { summary_index: 0 };
  return {
    item: { ...item, summary: summarizes ? [part] : [] },
    begin: { ...item, summary: [] },
    hidden: summarizes ? 0 : words.length,
    write(emit) {
      if (!summarizes) return;
      emit("response.reasoning_summary_part.added", { ...place, part: { ...part, text: "" } });
      for (const delta of words)
        emit("response.reasoning_summary_text.delta", { ...place, delta }, undefined, 1);
      emit("response.reasoning_summary_text.done", { ...place, text: part.text });
      emit("response.reasoning_summary_part.done", { ...place, part });
    },
  };
}

function headOf({ model, body }: VendorRequest, number: number): JsonObject {
  return {
    id: idOf("resp", number),
    object: "response",
    created_at: 1_770_933_892 + number,
    status: "completed",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    model: `${model}-2026-08-07`,
    output: [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: "default",
    store: body.store ?? true,
    temperature: 1.0,
    text: body.text ?? { format: { type: "text" }, verbosity: "medium" },
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_p: 1.0,
    truncation: "disabled",
    user: null,
  };
}

function ended(
  request: VendorRequest,
  script: Script,
  plan: Plan,
  number: number,
  output: readonly JsonObject[],
): JsonObject {
  const finish = plan.choices[0]?.finish;
  const reason = { length: "max_output_tokens", content_filter: "content_filter" }[finish ?? ""];
  const [usage] = usagesOf({ ...request, includeUsage: true }, script, SHAPES.openai, plan.counts);
  return {
    ...headOf(request, number),
    output,
    ...(reason === undefined ? {} : { status: "incomplete", incomplete_details: { reason } }),
    ...(script.usage === "missing" ? {} : { usage: usage === undefined ? null : usageOf(usage) }),
  };
}

/** A chat's usage by the names that it has here. */
function usageOf(usage: JsonObject): JsonObject {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details, completion_tokens_details } =
    usage;
  const prompt = isObject(prompt_tokens_details) ? prompt_tokens_details : {};
  const completion = isObject(completion_tokens_details) ? completion_tokens_details : {};
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens: prompt.cached_tokens ?? 0, cache_write_tokens: 0 },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens: completion.reasoning_tokens ?? 0 },
    total_tokens,
  };
}

const SALT = "81938ec0a5fbab4a3e9f05438e46b5f69a3b";
/** As long as OpenAI's own, and of the same letters. */
const idOf = (kind: string, number: number | string): string =>
  `${kind}_${Buffer.from(String(number)).toString("hex").padStart(8, "0")}${SALT}`;
