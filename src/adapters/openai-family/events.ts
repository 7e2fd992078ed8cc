import type { GenerationEvent, JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { isObject, listOf, numberOf, parseJson, textOf } from "../json.ts";
import { brokenOff, failureInside, hasError, unreadable } from "./errors.ts";
import type { Member } from "./member.ts";
import { TOO_MANY_CALLS, ToolCallReader } from "./tool-call-reader.ts";
import { rawUsageIn, withoutUsage } from "./usage.ts";

/** What one chunk of a stream says, and what of it a client of the same dialect may see. */
export interface ChunkReading {
  /** Text, reasoning, refusal, tool calls. */
  readonly content: readonly GenerationEvent[];
  /** Finish, usage, failure. */
  readonly control: readonly GenerationEvent[];
  /** `keep`: as it came. `drop`: nothing. An object: that instead. */
  readonly forClient: "keep" | "drop" | JsonObject;
  readonly hasContent: boolean;
}

/** Reads the `data:` of chunk after chunk of one stream; keeps what spans chunks (tool calls, finished choices). */
export class ChunkReader {
  /** Most answers have one choice, the first. */
  #isFirstFinished = false;
  #finished: Set<number> | undefined;
  #toolCalls: ToolCallReader | undefined;

  constructor(
    readonly member: Member,
    readonly secret: string,
  ) {}

  read(data: string): ChunkReading {
    const chunk = parseJson(data);
    if (!isObject(chunk)) return failed(NO_OBJECT);
    if (hasError(chunk) || !Array.isArray(chunk.choices)) {
      const failure = failureInside(this.member, chunk, this.secret);
      if (failure !== undefined) return failed(failure);
    }
    const reading = new Reading(chunk);
    const choices = listOf(chunk.choices);
    for (let position = 0; position < choices.length; position += 1) {
      const choice = choices[position];
      if (isObject(choice)) this.#readChoice(reading, choice, position);
    }
    const rawUsage = rawUsageIn(chunk);
    if (rawUsage !== undefined) {
      const usage = this.member.readUsage(rawUsage, chunk);
      if (usage !== undefined) reading.addControl({ type: "usage", usage });
    }
    if (this.#toolCalls?.isOverflown === true) return failed(TOO_MANY_CALLS);
    reading.isSeen = reading.hasContent || isForClient(chunk, rawUsage !== undefined, reading.control);
    if (reading.isSeen && rawUsage !== undefined) reading.shown = withoutUsage(reading.shown);
    return reading;
  }

  #readChoice(reading: Reading, choice: JsonObject, position: number): void {
    const index = numberOf(choice.index) ?? position;
    this.#readContent(reading, choice, index);
    // Spoken answers stream as base64 beside the text; nothing here reads them, but they are content.
    if (isObject(choice.delta) && isObject(choice.delta.audio)) reading.hasContent = true;
    const raw = finishWord(choice);
    if (raw === undefined) return;
    const reason = this.member.finishReason(raw);
    if (reason === undefined) reading.addControl({ type: "failure", failure: brokenOff(raw) });
    else if (this.#finishes(index)) reading.addControl({ type: "finish", choice: index, reason });
    if (reason !== raw) reading.shown = withFinish(reading.shown, position, reason ?? null);
  }

  /** False for a choice that has finished before. */
  #finishes(choice: number): boolean {
    if (choice === 0) {
      if (this.#isFirstFinished) return false;
      this.#isFirstFinished = true;
      return true;
    }
    this.#finished ??= new Set();
    if (this.#finished.has(choice)) return false;
    this.#finished.add(choice);
    return true;
  }

  /** The content of one choice: `delta` of chat, `text` of legacy completions. */
  #readContent(reading: Reading, choice: JsonObject, index: number): void {
    const legacy = textOf(choice.text);
    if (legacy !== undefined) {
      reading.addContent({ type: "text", choice: index, text: legacy });
      return;
    }
    const { delta } = choice;
    if (!isObject(delta)) return;
    const reasoning = textOf(delta.reasoning_content) ?? textOf(delta.reasoning);
    if (reasoning !== undefined) reading.addContent({ type: "reasoning", choice: index, text: reasoning });
    const text = textOf(delta.content) ?? textOf(partsText(delta.content));
    if (text !== undefined) reading.addContent({ type: "text", choice: index, text });
    const refusal = textOf(delta.refusal);
    if (refusal !== undefined) reading.addContent({ type: "refusal", choice: index, text: refusal });
    for (const call of listOf(delta.tool_calls)) if (isObject(call)) this.#readCall(reading, index, call);
    if (!isObject(delta.function_call)) return;
    this.#readCall(reading, index, { index: 0, function: delta.function_call });
  }

  #readCall(reading: Reading, index: number, call: JsonObject): void {
    this.#toolCalls ??= new ToolCallReader();
    const event = this.#toolCalls.read(index, call);
    if (event !== undefined) reading.addContent(event);
  }
}

/** What a chunk turns out to say, piece by piece. */
class Reading implements ChunkReading {
  hasContent = false;
  isSeen = false;
  /** The chunk as a client may see it. */
  shown: JsonObject;
  #content: GenerationEvent[] | undefined;
  #control: GenerationEvent[] | undefined;

  constructor(readonly chunk: JsonObject) {
    this.shown = chunk;
  }

  get content(): readonly GenerationEvent[] {
    return this.#content ?? NO_EVENTS;
  }

  get control(): readonly GenerationEvent[] {
    return this.#control ?? NO_EVENTS;
  }

  get forClient(): "keep" | "drop" | JsonObject {
    if (!this.isSeen) return "drop";
    return this.shown === this.chunk ? "keep" : this.shown;
  }

  addContent(event: GenerationEvent): void {
    this.hasContent = true;
    if (this.#content === undefined) this.#content = [event];
    else this.#content.push(event);
  }

  addControl(event: GenerationEvent): void {
    if (this.#control === undefined) this.#control = [event];
    else this.#control.push(event);
  }
}

const NO_EVENTS: readonly GenerationEvent[] = Object.freeze([]);

const NO_OBJECT = unreadable("invalid_frame", "The vendor's stream held a frame that is not a JSON object.");

const failed = (failure: VendorFailure): ChunkReading => ({
  content: NO_EVENTS,
  control: [{ type: "failure", failure }],
  forClient: "drop",
  hasContent: false,
});

/** Not for clients: what has no choices at all, a chunk that only brings usage, and the word that the vendor broke off. */
function isForClient(chunk: JsonObject, hasUsage: boolean, control: readonly GenerationEvent[]): boolean {
  if (!Array.isArray(chunk.choices)) return false;
  if (chunk.choices.length === 0) return !hasUsage;
  for (const { type } of control) if (type === "failure") return false;
  return true;
}

/** The reason a choice ended for; absent, null, empty and the word "null" (DashScope) mean: not yet. */
function finishWord(choice: JsonObject): string | undefined {
  const raw = textOf(choice.finish_reason);
  return raw === "null" ? undefined : raw;
}

function withFinish(chunk: JsonObject, position: number, reason: string | null): JsonObject {
  const choices = listOf(chunk.choices).map((choice, at) =>
    at === position && isObject(choice) ? { ...choice, finish_reason: reason } : choice,
  );
  return { ...chunk, choices };
}

/** Content as a list of parts: the text among them. */
export function partsText(content: unknown): string {
  let text = "";
  for (const part of listOf(content)) if (isObject(part) && typeof part.text === "string") text += part.text;
  return text;
}
