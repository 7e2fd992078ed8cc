import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf, textOf } from "../json.ts";
import type { Conversation } from "./conversation.ts";
import { sampleOf } from "./schema-sample.ts";
import type { SandboxSettings } from "./settings.ts";

export interface PlannedCall {
  readonly name: string;
  /** JSON text that fits the tool's schema. */
  readonly arguments: string;
}

/**
 * The calls that the sandbox makes: when `tool_choice` demands one, when the prompt names a tool or asks for
 * one, or when the settings say how many. Never after a tool's result: then it answers.
 */
export function planCalls(
  body: JsonObject,
  conversation: Conversation,
  settings: SandboxSettings,
): readonly PlannedCall[] {
  const tools = listOf(body.tools).flatMap((tool) =>
    isObject(tool) && isObject(tool.function) ? [tool.function] : [],
  );
  if (tools.length === 0 || conversation.toolResults.length > 0 || conversation.prefix !== "") return [];
  const first = firstTool(tools, body.tool_choice, conversation.asked, settings);
  if (first < 0) return [];
  const count = body.parallel_tool_calls === false ? 1 : Math.max(1, settings.calls ?? 1);
  return Array.from({ length: Math.min(count, 128) }, (_, at) => {
    const tool = tools[(first + at) % tools.length] ?? {};
    return {
      name: textOf(tool.name) ?? "unnamed",
      arguments: JSON.stringify(sampleOf(tool.parameters ?? { type: "object" })),
    };
  });
}

/** Index of the tool to begin with, −1 when none is to be called. */
function firstTool(
  tools: readonly JsonObject[],
  choice: unknown,
  asked: string,
  settings: SandboxSettings,
): number {
  if (choice === "none") return -1;
  if (isObject(choice) && isObject(choice.function)) {
    const { name } = choice.function;
    return tools.findIndex((tool) => tool.name === name);
  }
  const named = tools.findIndex(
    (tool) => textOf(tool.name) !== undefined && asked.includes(String(tool.name)),
  );
  if (named >= 0) return named;
  const isDemanded = choice === "required" || isObject(choice) || (settings.calls ?? 0) > 0;
  return isDemanded || /\b(?:call|use|run|invoke)\b.{0,40}\b(?:tool|function)s?\b/i.test(asked) ? 0 : -1;
}
