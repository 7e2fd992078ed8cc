import type { Continuation } from "../../adapters/adapter.ts";
import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { promptTokensForHold } from "../requests/prompt-tokens.ts";
import { type Juncture, LEAST_OVERLAP } from "./seam.ts";

/** A request that asks for the rest of an answer. */
export interface Continued {
  readonly request: GenerationRequest;
  readonly juncture: Juncture;
}

/** How much of its own text a model is asked to repeat, so that the seam is where it should be: a dozen words. */
const ANCHOR_CHARS = 48;

/** Prompt tokens of the instruction and the message around it, estimated high. */
export const INSTRUCTION_TOKENS = 128;

/**
 * The request for what follows `text`.
 * @param text what the client has of the answer; "" asks for the whole answer
 */
export function continuedRequest(
  request: GenerationRequest,
  text: string,
  continuation: Continuation,
): Continued {
  const whole = endsInsideCharacter(text) ? text.slice(0, -1) : text;
  const trimmed = whole.trimEnd();
  if (trimmed === "") return { request, juncture: { given: "", beyond: text, isExact: true } };
  if (request.operation === "completion") return afterPrompt(request, whole, text.slice(whole.length));
  if (continuation.by === "prefix") {
    const given = continuation.refusesTrailingSpace === true ? trimmed : whole;
    const { mark = {}, body = {} } = continuation;
    const { before, own, fields } = conversationOf(request);
    const message = { ...fields, role: "assistant", content: own + given, ...mark };
    return {
      request: withBody(request, { ...body, messages: [...before, message] }, given),
      juncture: { given, beyond: text.slice(given.length), isExact: true },
    };
  }
  return byInstruction(request, trimmed, text.slice(trimmed.length));
}

function byInstruction(request: GenerationRequest, given: string, beyond: string): Continued {
  const anchor = anchorOf(given);
  const { before, own } = conversationOf(request);
  const messages = [
    ...before,
    { role: "assistant", content: own + given },
    { role: "user", content: instruction(anchor) },
  ];
  const asked = withBody(request, { messages }, given);
  const juncture = { given, beyond, isExact: false, ...(anchor === undefined ? {} : { anchor }) };
  return {
    request: { ...asked, promptTokens: asked.promptTokens + INSTRUCTION_TOKENS },
    juncture,
  };
}

function instruction(anchor: string | undefined): string {
  const plea =
    "Your answer was cut off. Continue it exactly where it stops, in the same language and form, without a word about this interruption.";
  return anchor === undefined
    ? plea
    : `${plea} Begin by repeating its last words exactly, which are:\n${anchor}`;
}

/** The last words, from the beginning of one if that leaves enough of them. */
function anchorOf(given: string): string | undefined {
  if (given.length < LEAST_OVERLAP) return undefined;
  const end = given.slice(-ANCHOR_CHARS);
  const word = end.search(/\s\S/) + 1;
  const anchor = word > 0 && end.length - word >= ANCHOR_CHARS / 2 && given.length > ANCHOR_CHARS;
  const text = anchor ? end.slice(word) : end;
  return beginsInsideCharacter(text) ? text.slice(1) : text;
}

/** Legacy completions go on with any text: the answer so far becomes a part of the prompt. */
function afterPrompt(request: GenerationRequest, given: string, beyond: string): Continued {
  const { prompt } = request.body;
  const before = Array.isArray(prompt) ? prompt[0] : prompt;
  const asked = withBody(request, { prompt: String(before ?? "") + given }, given);
  return { request: asked, juncture: { given, beyond, isExact: true } };
}

interface Conversation {
  readonly before: readonly unknown[];
  /** A beginning of the answer that the client itself gave, and the fields of its message. */
  readonly own: string;
  readonly fields: JsonObject;
}

function conversationOf({ body }: GenerationRequest): Conversation {
  const messages: readonly unknown[] = Array.isArray(body.messages) ? body.messages : [];
  const last = messages.at(-1);
  if (!isBeginning(last)) return { before: messages, own: "", fields: {} };
  return { before: messages.slice(0, -1), own: last.content, fields: last };
}

function isBeginning(message: unknown): message is JsonObject & { readonly content: string } {
  if (typeof message !== "object" || message === null) return false;
  const { role, content, tool_calls } = message as JsonObject; // a parsed body's message; each field is checked here
  return role === "assistant" && typeof content === "string" && tool_calls === undefined;
}

function withBody(request: GenerationRequest, changes: JsonObject, given: string): GenerationRequest {
  const body = Object.fromEntries(
    Object.entries({ ...request.body, ...changes }).filter(
      ([name, value]) => value !== null || !(name in changes),
    ),
  );
  const promptTokens = request.promptTokens + promptTokensForHold(Buffer.byteLength(given));
  // The client's own body knows nothing of the beginning.
  const { native: _, ...rest } = request;
  return { ...rest, body, promptTokens };
}

const endsInsideCharacter = (text: string): boolean => isUnit(text.charCodeAt(text.length - 1), 0xd8_00);
const beginsInsideCharacter = (text: string): boolean => isUnit(text.charCodeAt(0), 0xdc_00);
const isUnit = (unit: number, first: number): boolean => unit >= first && unit < first + 0x4_00;
