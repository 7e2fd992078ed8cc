import type { JsonObject } from "../../core/generation.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, objectOf, textOf } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";
import { cacheControlIn, type Note } from "./cache-control.ts";
import type { Traits } from "./models.ts";

export interface ToolUse {
  /** A tool has to be called: that and thinking exclude each other. */
  readonly isForced: boolean;
  /** Says in words what the model cannot be made to do. */
  readonly instruction: string | undefined;
}

/**
 * Puts the client's tools and its choice among them into Anthropic's form.
 * @param called names of tools that the conversation has called: Anthropic wants those described even where none is offered any more
 * @throws SluiceError `unsupported_parameter` for tools that are not functions
 */
export function shapeTools(draft: RequestDraft, traits: Traits, called: readonly string[]): ToolUse {
  const wanted = choiceOf(draft.get("tool_choice"), draft.note);
  const isParallel = draft.get("parallel_tool_calls") !== false;
  const tools = listOf(draft.get("tools")).map((tool, at) => toolOf(tool, at, traits, draft.note));
  draft.remove("tools", "tool_choice", "parallel_tool_calls");
  if (tools.length === 0) {
    if (called.length > 0) {
      draft.set(
        "tools",
        called.map((name) => ({ name, input_schema: ANYTHING })),
      );
      draft.set("tool_choice", { type: "none" });
    }
    return { isForced: false, instruction: undefined };
  }
  draft.set("tools", tools);
  const isForced = wanted?.type === "any" || wanted?.type === "tool";
  const isGivenUp = isForced && !traits.forcesTools;
  if (isGivenUp) draft.note(wanted.type === "any" ? "tool_choice.required" : "tool_choice.function");
  const choice = isGivenUp ? { type: "auto" } : (wanted ?? { type: "auto" });
  if (!isParallel && choice.type !== "none") {
    draft.set("tool_choice", { ...choice, disable_parallel_tool_use: true });
  } else if (wanted !== undefined) draft.set("tool_choice", choice);
  return { isForced: isForced && !isGivenUp, instruction: isGivenUp ? inWords(wanted) : undefined };
}

const ANYTHING: JsonObject = { type: "object", properties: {} };

function toolOf(tool: unknown, at: number, traits: Traits, note: Note): JsonObject {
  if (!isObject(tool) || tool.type !== "function" || !isObject(tool.function)) {
    throw unsupported(`tools[${at}]`, "Anthropic is given only tools of the type 'function'.");
  }
  const { name, description, parameters, strict } = tool.function;
  if (strict === true && !traits.takesSchemas) note("tools.function.strict");
  return {
    name,
    ...(description === undefined || description === null ? {} : { description }),
    input_schema: isObject(parameters) ? { type: "object", ...parameters } : ANYTHING,
    ...(strict === true && traits.takesSchemas ? { strict } : {}),
    ...cacheControlIn({ ...tool.function, ...tool }, note),
  };
}

interface Choice {
  readonly type: "auto" | "any" | "none" | "tool";
  readonly name?: string;
}

function choiceOf(choice: unknown, note: Note): Choice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === "auto" || choice === "none") return { type: choice };
  if (choice === "required") return { type: "any" };
  const name = textOf(objectOf(objectOf(choice)?.function)?.name);
  if (name !== undefined) return { type: "tool", name };
  note("tool_choice");
  return undefined;
}

const inWords = ({ name }: Choice): string =>
  name === undefined ? "Call at least one of the tools." : `Call the tool "${name}".`;
