import type { JsonObject } from "../../src/core/generation.ts";
import type { VendorRequest } from "./call.ts";
import type { Plan, PlannedChoice } from "./plan.ts";
import { type Script, TOOL_CALL_TOKENS } from "./script.ts";
import { SHAPES, type ShapeRules } from "./shapes.ts";
import { usagesOf } from "./usages.ts";

/** One event of a stream, and what it carries. */
export interface Frame {
  readonly data: JsonObject;
  readonly output: number;
  readonly reasoning: number;
  readonly hasUsage: boolean;
}

const TOOL_ARGUMENT_PIECES = 3;

/** A stream's frames without its end marker, in the vendor's order. */
export function framesOf(request: VendorRequest, script: Script, plan: Plan, number: number): Frame[] {
  const rules = SHAPES[script.shape ?? "openai"];
  const write = chunkWriter(request, rules, number);
  const frames = plan.choices.flatMap((choice, index) =>
    request.operation === "chat" && rules.opening !== undefined
      ? [write.choice(index, rules.opening, null, { reasoning: hiddenReasoning(rules, choice) })]
      : [],
  );
  frames.push(
    ...interleaved(plan.choices.map((choice, index) => contentOf(request, rules, write, choice, index))),
  );
  const usages = usagesOf(request, script, rules, plan.counts);
  const inFinish = rules.usagePlace === "finish_chunk";
  for (const [index, choice] of plan.choices.entries()) {
    const isLast = index === plan.choices.length - 1;
    const usage = inFinish && isLast ? usages[0] : undefined;
    frames.push(write.choice(index, rules.closing, choice.finish, { ...(usage && { usage }) }));
  }
  for (const usage of inFinish ? usages.slice(1) : usages) frames.push(write.usage(usage));
  return frames;
}

/** A vendor that does not show its reasoning counts it all the same. */
const hiddenReasoning = (rules: ShapeRules, choice: PlannedChoice): number =>
  Object.keys(rules.reasoning("")).length === 0 ? choice.reasoning.length : 0;

function contentOf(
  request: VendorRequest,
  rules: ShapeRules,
  write: ChunkWriter,
  choice: PlannedChoice,
  index: number,
): Frame[] {
  if (request.operation === "completion") {
    return choice.pieces.map((text) => write.choice(index, { content: text }, null, { output: 1 }));
  }
  const shown = hiddenReasoning(rules, choice) === 0 ? choice.reasoning : [];
  return [
    ...shown.map((text) => write.choice(index, rules.reasoning(text), null, { reasoning: 1 })),
    ...choice.pieces.map((text) => write.choice(index, rules.content(text), null, { output: 1 })),
    ...choice.toolCalls.flatMap((call, at) => [
      write.choice(index, rules.toolStart(at, call.id, call.name), null, { output: 1 }),
      ...splitText(call.arguments, TOOL_ARGUMENT_PIECES).map((piece) =>
        write.choice(index, rules.toolArguments(at, piece), null, {
          output: (TOOL_CALL_TOKENS - 1) / TOOL_ARGUMENT_PIECES,
        }),
      ),
    ]),
  ];
}

interface ChunkWriter {
  choice(
    index: number,
    delta: JsonObject,
    finish: string | null,
    carries: { output?: number; reasoning?: number; usage?: JsonObject },
  ): Frame;
  usage(usage: JsonObject): Frame;
}

function chunkWriter(request: VendorRequest, rules: ShapeRules, number: number): ChunkWriter {
  const isChat = request.operation === "chat";
  const head = {
    id: isChat ? rules.answerId(number) : `cmpl-mock${number}`,
    object: isChat ? "chat.completion.chunk" : "text_completion",
    created: 1_770_933_892 + number,
    model: request.model,
    ...rules.extras,
  };
  const empty: JsonObject = rules.nullUsage(request.includeUsage) ? { usage: null } : {};
  return {
    choice(index, delta, finish, { output = 0, reasoning = 0, usage }) {
      const text = typeof delta.content === "string" ? delta.content : "";
      const choice = isChat
        ? rules.choice(index, delta, finish)
        : { text, index, logprobs: null, finish_reason: finish };
      const data = { ...head, choices: [choice], ...(usage === undefined ? empty : { usage }) };
      return { data, output, reasoning, hasUsage: usage !== undefined };
    },
    usage: (usage) => ({ data: { ...head, choices: [], usage }, output: 0, reasoning: 0, hasUsage: true }),
  };
}

/** The choices of one answer arrive in turn. */
function interleaved(lists: readonly (readonly Frame[])[]): Frame[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list[at] ?? [])).flat();
}

/** Exactly `count` pieces, of which some may be empty. */
function splitText(text: string, count: number): string[] {
  const size = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, at) => text.slice(at * size, (at + 1) * size));
}
