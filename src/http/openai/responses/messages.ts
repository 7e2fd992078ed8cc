import type { JsonObject } from "../../../core/generation.ts";
import { invalid } from "../../../gateway/requests/fields.ts";
import { openCarried } from "./carried.ts";
import { chatContent, outputContent, reasoningText } from "./parts.ts";
import { unsupported } from "./unsupported.ts";

/** One turn of a conversation: items that stand together, and what errors call them. */
export interface Turn {
  readonly items: readonly JsonObject[];
  /** `input` for what this request says itself. */
  readonly path: string;
}

const ROLES = new Set(["user", "assistant", "system", "developer"]);

/**
 * The conversation as chat messages: what an assistant thought, said and called in a row is one message.
 * @throws SluiceError naming the item that cannot be said in a chat, or a tool's output without its call
 */
export function messagesOf(instructions: string | undefined, turns: readonly Turn[]): readonly JsonObject[] {
  const chat = new Chat();
  if (instructions !== undefined) chat.say({ role: "system", content: instructions });
  for (const { items, path } of turns) {
    items.forEach((item, index) => void take(chat, item, `${path}[${index}]`));
    chat.endTurn();
  }
  return chat.end();
}

function take(chat: Chat, item: JsonObject, path: string): void {
  switch (item.type) {
    case "message":
      takeMessage(chat, item, path);
      return;
    case "reasoning":
      chat.think(reasoningText(item), openCarried(item.encrypted_content));
      return;
    case "function_call":
      // One that was cut off in the middle was never made.
      if (item.status !== "incomplete") chat.call(callOf(item, path));
      return;
    case "function_call_output": {
      const id = requiredString(item.call_id, `${path}.call_id`);
      chat.answerCall(id, outputContent(item.output, `${path}.output`), path);
      return;
    }
    default:
      throw unsupported(`${path}.type`, `items of the type '${String(item.type)}' are not known here`);
  }
}

function takeMessage(chat: Chat, item: JsonObject, path: string): void {
  const { role } = item;
  if (typeof role !== "string" || !ROLES.has(role)) {
    throw invalid(`${path}.role`, `must be one of ${[...ROLES].join(", ")}`);
  }
  const { content, refusal } = chatContent(item.content, `${path}.content`);
  if (role !== "assistant") chat.say({ role, content });
  else if (typeof content === "string") chat.speak(content, refusal);
  else throw unsupported(`${path}.content`, "an assistant's message can only be text here");
}

interface Call {
  readonly id: string;
  readonly message: JsonObject;
}

/** Fields that a vendor wants back (a thought's signature) are objects and stay on the call; `parsed_arguments` is the SDK's. */
function callOf(item: JsonObject, path: string): Call {
  const { call_id, name, arguments: text, parsed_arguments: _, ...rest } = item;
  const extension = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => typeof value === "object" && value !== null),
  );
  const called = {
    name: requiredString(name, `${path}.name`),
    arguments: requiredString(text, `${path}.arguments`),
  };
  const id = requiredString(call_id, `${path}.call_id`);
  return { id, message: { id, type: "function", function: called, ...extension } };
}

function requiredString(value: unknown, param: string): string {
  if (typeof value !== "string") throw invalid(param, "must be a string");
  return value;
}

interface Draft {
  reasoning: string;
  carried: JsonObject;
  content: string | undefined;
  refusal: string | undefined;
  readonly calls: JsonObject[];
}

/** Nothing said is null beside calls and refusals, else an empty text. */
const spoken = (content: string | undefined, isBeside: boolean): string | null =>
  content === undefined || content === "" ? (isBeside ? null : "") : content;

/** Puts messages together as the items come. */
class Chat {
  readonly #messages: JsonObject[] = [];
  /** Calls whose output has not come yet. */
  readonly #open = new Set<string>();
  #draft: Draft | undefined;

  say(message: JsonObject): void {
    this.endTurn();
    this.#messages.push(message);
  }

  think(text: string, carried: JsonObject | undefined): void {
    const draft = this.#drafted();
    draft.reasoning += draft.reasoning !== "" && text !== "" ? `\n\n${text}` : text;
    draft.carried = { ...draft.carried, ...carried };
  }

  speak(content: string, refusal: string | undefined): void {
    const before = this.#draft;
    // Two answers in a row are two messages; words behind a call belong to the message that calls.
    if (before?.content !== undefined && before.calls.length === 0) this.endTurn();
    const draft = this.#drafted();
    draft.content = draft.content === undefined ? content : `${draft.content}\n\n${content}`;
    draft.refusal = refusal ?? draft.refusal;
  }

  call({ id, message }: Call): void {
    this.#drafted().calls.push(message);
    this.#open.add(id);
  }

  answerCall(id: string, content: unknown, path: string): void {
    this.endTurn();
    if (!this.#open.delete(id)) throw invalid(path, `no tool call found for the output with call_id '${id}'`);
    this.#messages.push({ role: "tool", tool_call_id: id, content });
  }

  /** The assistant's message ends here. */
  endTurn(): void {
    const draft = this.#draft;
    this.#draft = undefined;
    if (draft === undefined) return;
    const { reasoning, carried, content, refusal, calls } = draft;
    if (content === undefined && refusal === undefined && calls.length === 0) return;
    this.#messages.push({
      ...carried,
      role: "assistant",
      content: spoken(content, calls.length > 0 || refusal !== undefined),
      ...(refusal === undefined ? {} : { refusal }),
      ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    });
  }

  end(): readonly JsonObject[] {
    this.endTurn();
    for (const id of this.#open) throw invalid("input", `no tool output found for the function call '${id}'`);
    if (this.#messages.length === 0) throw invalid("input", "must not be empty");
    return this.#messages;
  }

  #drafted(): Draft {
    this.#draft ??= { reasoning: "", carried: {}, content: undefined, refusal: undefined, calls: [] };
    return this.#draft;
  }
}
