import type { JsonObject } from "../../core/generation.ts";
import { asBody } from "../../gateway/requests/fields.ts";
import type { CallPiece, Piece } from "../openai/responses/piece.ts";
import { finishReasonHere } from "./finish-reason.ts";
import { logprobsResultOf } from "./logprobs.ts";
import { type Carried, sealCarried, signatureIn } from "./signatures.ts";

/** Of reasoning that a client is not shown and its vendor may want back: more than models think before a call. */
const MOST_SEALED_CHARS = 256 * 1024;

/** What fields that a vendor wants back take in memory beside what they say. */
const CHARS_OF_FIELDS = 100;

type TextPart = { readonly text: string; readonly thought?: true };

interface PendingCall {
  id: string | undefined;
  name: string;
  json: string;
  fields: JsonObject;
}

/** A call that is whole, and how it is told. */
interface WrittenCall {
  readonly call: PendingCall;
  readonly part: JsonObject;
}

/** What one choice said, and why it ended if it did. */
export interface ChoiceSaid {
  readonly choice: number;
  readonly pieces: readonly Piece[];
  readonly finish?: string | undefined;
}

/** What one candidate says, written as Gemini's parts. Calls come whole, as Gemini's do: at the end. */
export class Candidate {
  /** By their places, in the order in which they began. */
  readonly #calls = new Map<number, PendingCall>();
  #message: JsonObject = {};
  #reasoning = "";
  #hasRefused = false;
  #logprobs: readonly unknown[] = [];
  /** Characters that are kept until the end. */
  keptChars = 0;

  /** @param showsThoughts the client asked for them */
  constructor(
    readonly index: number,
    readonly showsThoughts: boolean,
  ) {}

  /** The candidate of one chunk, of all that choices said in it; undefined when there is nothing to show yet. */
  write(said: readonly ChoiceSaid[]): JsonObject | undefined {
    const parts: TextPart[] = [];
    for (const { choice, pieces } of said) {
      if (choice !== this.index) continue;
      for (const piece of pieces) {
        const part = this.#part(piece);
        if (part !== undefined) join(parts, part);
      }
    }
    if (parts.length === 0) return undefined;
    const content = { parts, role: "model" };
    const { index } = this;
    return this.#logprobs.length === 0 ? { content, index } : { content, index, ...this.#takeLogprobs() };
  }

  /** The candidate of the last chunk. */
  finish(reason: string | null): JsonObject {
    const calls = [...this.#calls.values()];
    const written = calls.map((call) => ({ call, part: partOfCall(call) }));
    const whole = written.flatMap(({ call, part }) => (part === undefined ? [] : [{ call, part }]));
    const isBroken = whole.length < calls.length && reason !== "length";
    const finishReason = isBroken
      ? "MALFORMED_FUNCTION_CALL"
      : finishReasonHere(this.#hasRefused ? "content_filter" : reason);
    const parts = this.#signed(whole);
    return { content: { parts, role: "model" }, finishReason, index: this.index, ...this.#takeLogprobs() };
  }

  /** What is shown of it now. */
  #part(piece: Piece): TextPart | undefined {
    switch (piece.kind) {
      case "text":
      case "refusal":
        this.#hasRefused ||= piece.kind === "refusal";
        if (piece.logprobs !== undefined) this.#logprobs = [...this.#logprobs, ...piece.logprobs];
        return { text: piece.text };
      case "reasoning":
        if (this.showsThoughts) return { text: piece.text, thought: true };
        if (this.#reasoning.length < MOST_SEALED_CHARS) this.#reasoning += piece.text;
        return undefined;
      case "call":
        this.#extend(piece);
        return undefined;
      case "carried":
        this.#message = { ...this.#message, ...piece.fields };
        this.#keep(piece.fields);
        return undefined;
    }
  }

  #keep(fields: JsonObject): void {
    this.keptChars += CHARS_OF_FIELDS + JSON.stringify(fields).length;
  }

  #extend({ call, id, name, arguments: json, fields }: CallPiece): void {
    const pending = this.#calls.get(call) ?? { id: undefined, name: "", json: "", fields: {} };
    this.#calls.set(call, pending);
    if (fields !== undefined) this.#keep(fields);
    pending.id ??= id;
    pending.name += name ?? "";
    pending.json += json;
    pending.fields = { ...pending.fields, ...fields };
    this.keptChars += json.length + (name ?? "").length;
  }

  /** The last parts, with what their vendor wants back: at the first call, or at an empty text, as Gemini has it. */
  #signed(calls: readonly WrittenCall[]): readonly JsonObject[] {
    const message = signatureIn(this.#message);
    const isGeminis =
      (message !== undefined || isEmpty(this.#message)) &&
      calls.every(({ call }) => isEmpty(call.fields) || signatureIn(call.fields) !== undefined);
    if (isGeminis && this.#reasoningKept === "") {
      const signed = calls.map(({ call, part }) => withSignature(part, signatureIn(call.fields)));
      if (message !== undefined) return [withSignature({ text: "" }, message), ...signed];
      return signed.length === 0 ? [{ text: "" }] : signed;
    }
    const seal = sealCarried(this.#carried(calls));
    const [first, ...rest] = calls.map(({ part }) => part);
    return [withSignature(first ?? { text: "" }, seal), ...rest];
  }

  #carried(calls: readonly WrittenCall[]): Carried {
    const ofCalls = calls.flatMap(({ call }, at) =>
      isEmpty(call.fields) ? [] : [[at, call.fields] as const],
    );
    const reasoning = this.#reasoningKept;
    return {
      ...(isEmpty(this.#message) ? {} : { message: this.#message }),
      ...(ofCalls.length === 0 ? {} : { calls: Object.fromEntries(ofCalls) }),
      ...(reasoning === "" ? {} : { reasoning }),
    };
  }

  /** Some vendors want what led to a call; a half of it would be another thought. */
  get #reasoningKept(): string {
    const isWanted = this.#calls.size > 0 && this.#reasoning.length <= MOST_SEALED_CHARS;
    return isWanted ? this.#reasoning : "";
  }

  #takeLogprobs(): JsonObject {
    const logprobs = this.#logprobs;
    this.#logprobs = [];
    return logprobs.length === 0 ? {} : { logprobsResult: logprobsResultOf(logprobs) };
  }
}

/** Neighbours of a kind as one part: what came in one read is one thing that was said. */
function join(parts: TextPart[], part: TextPart): void {
  const last = parts.at(-1);
  if (last === undefined || last.thought !== part.thought) parts.push(part);
  else parts[parts.length - 1] = { ...last, text: last.text + part.text };
}

const withSignature = (part: JsonObject, thoughtSignature: string | undefined): JsonObject =>
  thoughtSignature === undefined ? part : { ...part, thoughtSignature };

const isEmpty = (fields: JsonObject): boolean => Object.keys(fields).length === 0;

/** Undefined for arguments that are no object that can be written out again: they were cut off, or the model failed at them. */
function partOfCall({ id, name, json }: PendingCall): JsonObject | undefined {
  const args = json.trim() === "" ? {} : parsed(json);
  if (args === undefined) return undefined;
  return { functionCall: { ...(id === undefined ? {} : { id }), name, args } };
}

function parsed(json: string): JsonObject | undefined {
  try {
    return asBody(JSON.parse(json));
  } catch {
    return undefined;
  }
}
