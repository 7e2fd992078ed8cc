import type { JsonObject } from "../../core/generation.ts";
import { invalid } from "../../gateway/requests/fields.ts";
import { requiredString } from "../anthropic/parts.ts";
import type { Losses } from "../losses.ts";
import { objectIn } from "../openai/responses/chat-pieces.ts";
import type { Calls } from "./calls.ts";
import { callIn, isThought, partsOf, resultIn } from "./parts.ts";
import { isSealed, openCarried, signatureFields } from "./signatures.ts";

/** What the model said in one turn, as a chat message. */
export class ModelTurn {
  readonly #said: JsonObject[] = [];
  readonly #calls: JsonObject[] = [];
  #thoughts = "";
  /** What its vendor wants back. */
  #fields: JsonObject = {};
  /** The same of its calls, by their places. */
  readonly #ofCalls = new Map<number, JsonObject>();

  constructor(
    readonly calls: Calls,
    readonly losses: Losses,
  ) {}

  /** @throws SluiceError naming what cannot be read */
  take(part: JsonObject, path: string): void {
    const call = callIn(part);
    if (typeof part.thoughtSignature === "string") this.#carry(part.thoughtSignature, call !== undefined);
    if (call !== undefined) this.#calls.push(this.calls.made(call, `${path}.functionCall`));
    else if (isThought(part)) this.#thoughts += requiredString(part.text, `${path}.text`);
    else if (resultIn(part) === undefined) this.#said.push(...partsOf(part, path, this.losses));
    else throw invalid(path, "only the user answers functions");
  }

  message(): JsonObject {
    const calls = this.#calls.map((call, at) => ({ ...this.#ofCalls.get(at), ...call }));
    return {
      ...this.#fields,
      role: "assistant",
      content: this.#said.length === 0 && calls.length > 0 ? null : spoken(this.#said),
      ...(this.#thoughts === "" ? {} : { reasoning_content: this.#thoughts }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    };
  }

  /** A signature of Gemini's is of the call or the text that it stands at. */
  #carry(signature: string, isOfCall: boolean): void {
    if (!isSealed(signature)) {
      if (isOfCall) this.#ofCalls.set(this.#calls.length, signatureFields(signature));
      else this.#fields = { ...this.#fields, ...signatureFields(signature) };
      return;
    }
    const { message, calls = {}, reasoning = "" } = openCarried(signature);
    this.#fields = { ...this.#fields, ...message };
    // Thoughts that stand there in the open are the same ones.
    if (this.#thoughts === "") this.#thoughts = reasoning;
    for (const [place, fields] of Object.entries(calls)) {
      this.#ofCalls.set(this.#calls.length + Number(place), objectIn(fields) ?? {});
    }
  }
}

/** Texts are one text, cut where the chunks of a stream were. */
function spoken(parts: readonly JsonObject[]): string | readonly JsonObject[] {
  return parts.every(({ type }) => type === "text") ? parts.map(({ text }) => String(text)).join("") : parts;
}
