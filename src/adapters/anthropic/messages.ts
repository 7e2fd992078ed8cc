import type { JsonObject } from "../../core/generation.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, parseGivenJson, textOf } from "../json.ts";
import { cacheControlIn, type Note } from "./cache-control.ts";
import { blocksOf } from "./parts.ts";
import { carriedThoughts, interleaved } from "./thoughts.ts";

/** A conversation in Anthropic's form: the system apart, users and assistants in turns. */
export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly turns: readonly Turn[];
}

export interface Turn {
  readonly role: "user" | "assistant";
  readonly content: readonly JsonObject[];
}

/**
 * OpenAI's messages in Anthropic's form: neighbours of the same role become one turn, and a turn's tool results
 * stand first, where Anthropic demands them.
 * @throws SluiceError `unsupported_parameter` for what cannot be said there
 */
export function conversationOf(messages: unknown, note: Note): Conversation {
  const system: JsonObject[] = [];
  const turns: { readonly role: Turn["role"]; readonly content: JsonObject[] }[] = [];
  listOf(messages).forEach((message, at) => {
    if (!isObject(message)) return;
    const path = `messages[${at}]`;
    if (message.name !== undefined && message.role !== "tool") note("messages.name");
    if (message.role === "system" || message.role === "developer") {
      system.push(...systemBlocks(message, path, note));
      return;
    }
    const role = message.role === "assistant" ? "assistant" : "user";
    const content = contentOf(message, path, note);
    if (content.length === 0) return;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content: [...content] });
  });
  // Anthropic wants a user; a prompt that is all system has none.
  if (turns.length === 0 && system.length > 0) {
    return { system: [], turns: [{ role: "user", content: system }] };
  }
  return { system, turns: turns.map(resultsFirst) };
}

function systemBlocks(message: JsonObject, path: string, note: Note): readonly JsonObject[] {
  const blocks = blocksOf(message.content, `${path}.content`, note);
  if (blocks.some((block) => block.type !== "text")) {
    throw unsupported(`${path}.content`, "Anthropic takes only text in system messages.");
  }
  return blocks;
}

function contentOf(message: JsonObject, path: string, note: Note): readonly JsonObject[] {
  switch (message.role) {
    case "assistant":
      return assistantBlocks(message, path, note);
    case "tool":
      return [toolResult(message, path, note)];
    case "user":
      return blocksOf(message.content, `${path}.content`, note);
    default:
      throw unsupported(
        `${path}.role`,
        "Anthropic knows tools, not functions: use 'tools' and the role 'tool'.",
      );
  }
}

function assistantBlocks(message: JsonObject, path: string, note: Note): readonly JsonObject[] {
  if (message.function_call !== undefined && message.function_call !== null) {
    throw unsupported(`${path}.function_call`, "Anthropic knows tools, not functions: use 'tool_calls'.");
  }
  const refusal = textOf(message.refusal);
  const words = [
    ...blocksOf(message.content, `${path}.content`, note),
    ...(refusal === undefined ? [] : [{ type: "text", text: refusal }]),
  ];
  const calls = listOf(message.tool_calls).map((call, at) => toolUse(call, `${path}.tool_calls[${at}]`));
  const thoughts = carriedThoughts(message);
  // Without its signature a thought is refused.
  if (thoughts.length === 0 && textOf(message.reasoning_content) !== undefined) {
    note("messages.reasoning_content");
  }
  const others = [...words, ...calls];
  return others.length === 0 ? [] : interleaved(thoughts, others);
}

function toolUse(call: unknown, path: string): JsonObject {
  const called = isObject(call) && isObject(call.function) ? call.function : undefined;
  if (!isObject(call) || called === undefined) {
    throw unsupported(path, "Anthropic takes only calls of functions.");
  }
  const text = textOf(called.arguments)?.trim() ?? "";
  const input = text === "" ? {} : parseGivenJson(text);
  if (!isObject(input)) {
    throw unsupported(`${path}.function.arguments`, "Anthropic takes only a JSON object as arguments.");
  }
  return { type: "tool_use", id: call.id, name: called.name, input };
}

/** `is_error` is Anthropic's own: an extension of the tool message. */
function toolResult(message: JsonObject, path: string, note: Note): JsonObject {
  const { content } = message;
  return {
    type: "tool_result",
    tool_use_id: message.tool_call_id,
    content: typeof content === "string" ? content : blocksOf(content, `${path}.content`, note),
    ...(message.is_error === true ? { is_error: true } : {}),
    ...cacheControlIn(message, note),
  };
}

function resultsFirst(turn: Turn): Turn {
  const isResult = (block: JsonObject) => block.type === "tool_result";
  if (!turn.content.some(isResult)) return turn;
  const others = turn.content.filter((block) => !isResult(block));
  return { role: turn.role, content: [...turn.content.filter(isResult), ...others] };
}

/** The names of the tools that the conversation has called. */
export function calledTools({ turns }: Conversation): readonly string[] {
  const names = turns.flatMap(({ content }) =>
    content.flatMap((block) => (block.type === "tool_use" ? (textOf(block.name) ?? []) : [])),
  );
  return [...new Set(names)];
}

/**
 * True when tool calls that are being answered now have lost the thought that led to them: models that think by
 * a budget refuse such a conversation while they think.
 */
export function lacksThoughts({ turns }: Conversation): boolean {
  const lastQuestion = turns.findLastIndex(
    ({ role, content }) => role === "user" && !content.some((block) => block.type === "tool_result"),
  );
  return turns
    .slice(lastQuestion + 1)
    .some(({ role, content }) => role === "assistant" && !String(content[0]?.type).endsWith("thinking"));
}
