import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf, textOf } from "../json.ts";
import { promptTokensOf } from "./words.ts";

/** What the sandbox reads out of a chat request. */
export interface Conversation {
  /** Text of the last user message: where magic words and wishes for tools stand. */
  readonly asked: string;
  /** Everything before a trailing assistant message, for seeding. */
  readonly history: string;
  /** The beginning of the answer, to be continued. */
  readonly prefix: string;
  /** Texts of the tool results that the conversation ends with. */
  readonly toolResults: readonly string[];
  readonly promptTokens: number;
}

const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_IMAGE = 85;

/** Never throws: what is not of the form of a chat is nothing. */
export function readConversation(body: JsonObject): Conversation {
  const messages = listOf(body.messages).filter(isObject);
  const last = messages.at(-1);
  const isContinued = last?.role === "assistant" && listOf(last.tool_calls).length === 0;
  const answered = isContinued ? messages.slice(0, -1) : messages;
  const lastOther = answered.findLastIndex((message) => message.role !== "tool");
  const user = answered.findLast((message) => message.role === "user");
  const tools = body.tools === undefined ? 0 : promptTokensOf(JSON.stringify(body.tools));
  return {
    asked: user === undefined ? "" : contentText(user.content),
    history: JSON.stringify(answered.map((message) => [message.role, message.content])),
    prefix: isContinued ? contentText(last.content) : "",
    toolResults: answered.slice(lastOther + 1).map((message) => contentText(message.content)),
    promptTokens: tools + messages.reduce((sum, message) => sum + tokensOfMessage(message), 0),
  };
}

/** The text of a message's content, given as a string or as parts. */
const contentText = (content: unknown): string =>
  typeof content === "string"
    ? content
    : listOf(content)
        .map((part) => (isObject(part) ? (textOf(part.text) ?? "") : ""))
        .join(" ");

function tokensOfMessage(message: JsonObject): number {
  const images = listOf(message.content).filter((part) => isObject(part) && part.type === "image_url").length;
  const calls = message.tool_calls === undefined ? 0 : promptTokensOf(JSON.stringify(message.tool_calls));
  return (
    TOKENS_PER_MESSAGE + promptTokensOf(contentText(message.content)) + images * TOKENS_PER_IMAGE + calls
  );
}
