import type { JsonObject } from "../../core/generation.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, textOf } from "../json.ts";
import { type Call, callsOf, resultOf, signedCalls } from "./calls.ts";
import type { Traits } from "./models.ts";
import { partsOf } from "./parts.ts";
import { carriedSignature } from "./signatures.ts";

/** A conversation in Gemini's form: the system apart, users and the model in turns. */
export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly contents: readonly Content[];
}

export interface Content {
  readonly role: "user" | "model";
  readonly parts: readonly JsonObject[];
}

interface Turn {
  readonly role: Content["role"];
  readonly parts: JsonObject[];
  /** What the calls of the turn before returned, by their place among those calls; Gemini matches them by it. */
  readonly results: Map<number, JsonObject>;
}

/** Tells that a part of a field was given up. */
export type Note = (part: string) => void;

/**
 * OpenAI's messages in Gemini's form: neighbours of the same role become one turn, in which the results of tools stand
 * first, in the order of the calls.
 * @throws SluiceError `unsupported_parameter` for what cannot be said there, `invalid_request` for results without a call
 */
export function conversationOf(messages: unknown, traits: Traits, note: Note): Conversation {
  const system: JsonObject[] = [];
  const turns: Turn[] = [];
  let calls: readonly Call[] = [];

  const turnOf = (role: Content["role"]): Turn => {
    const last = turns.at(-1);
    if (last?.role === role) return last;
    const turn: Turn = { role, parts: [], results: new Map() };
    turns.push(turn);
    return turn;
  };

  listOf(messages).forEach((message, at) => {
    if (!isObject(message)) return;
    const path = `messages[${at}]`;
    if (message.name !== undefined && message.role !== "tool") note("messages.name");
    switch (message.role) {
      case "system":
      case "developer":
        system.push(...systemParts(message, path));
        return;
      case "user":
        addTo(turnOf, "user", partsOf(message.content, `${path}.content`));
        return;
      case "assistant": {
        const before = turns.at(-1)?.role === "model" ? calls : [];
        const made = callsOf(message, path);
        calls = [...before, ...made];
        addTo(turnOf, "model", modelParts(message, path, made, { traits, note }));
        return;
      }
      case "tool": {
        const turn = turnOf("user");
        const { place, response, shown } = resultOf(message, calls, path);
        turn.results.set(place, response);
        turn.parts.push(...shown);
        return;
      }
      default:
        throw unsupported(
          `${path}.role`,
          "Gemini is given tools, not functions: use 'tools' and the role 'tool'.",
        );
    }
  });
  // Gemini wants a user; a prompt that is all system has none.
  if (turns.length === 0 && system.length > 0) {
    return { system: [], contents: [{ role: "user", parts: system }] };
  }
  return { system, contents: turns.map(contentOf) };
}

function addTo(turnOf: (role: Content["role"]) => Turn, role: Content["role"], parts: JsonObject[]): void {
  if (parts.length > 0) turnOf(role).parts.push(...parts);
}

const contentOf = ({ role, parts, results }: Turn): Content => ({
  role,
  parts: [...[...results].toSorted(([a], [b]) => a - b).map(([, response]) => response), ...parts],
});

function systemParts(message: JsonObject, path: string): readonly JsonObject[] {
  const parts = partsOf(message.content, `${path}.content`);
  if (parts.some(({ text }) => text === undefined)) {
    throw unsupported(`${path}.content`, "Gemini takes only text in system messages.");
  }
  return parts;
}

function modelParts(
  message: JsonObject,
  path: string,
  calls: readonly Call[],
  { traits, note }: { readonly traits: Traits; readonly note: Note },
): JsonObject[] {
  const refusal = textOf(message.refusal);
  const words = [
    ...partsOf(message.content, `${path}.content`),
    ...(refusal === undefined ? [] : [{ text: refusal }]),
  ];
  const signature = carriedSignature(message);
  const isSigned = signature !== undefined || calls.some((call) => call.signature !== undefined);
  // Thoughts themselves cannot be given back; their signatures stand for them.
  if (!isSigned && textOf(message.reasoning_content) !== undefined) note("messages.reasoning_content");
  return [...withSignature(words, signature), ...signedCalls(calls, traits)];
}

/** On the last text; where there is none, on an empty one, as streams send it. */
function withSignature(words: readonly JsonObject[], signature: string | undefined): readonly JsonObject[] {
  if (signature === undefined) return words;
  const last = words.at(-1);
  if (last?.text === undefined) return [...words, { text: "", thoughtSignature: signature }];
  return [...words.slice(0, -1), { ...last, thoughtSignature: signature }];
}
