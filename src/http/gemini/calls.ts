import type { JsonObject } from "../../core/generation.ts";
import { asObject, invalid } from "../../gateway/requests/fields.ts";
import { requiredString } from "../anthropic/parts.ts";
import { listIn } from "../openai/responses/chat-pieces.ts";

/** A call of the conversation that waits for its result. */
interface OpenCall {
  /** As the chat calls it. */
  readonly id: string;
  /** As the client does, if it does. */
  readonly given: string | undefined;
  readonly name: string;
}

/** The calls of a conversation, and which of them a result belongs to: results may come without an id. */
export class Calls {
  #open: OpenCall[] = [];
  #count = 0;

  /** What is not answered by now never will be. */
  forget(): void {
    this.#open = [];
  }

  /**
   * A call in chat's form.
   * @throws SluiceError `invalid_request` for one without a name, or whose arguments are no object
   */
  made(call: JsonObject, path: string): JsonObject {
    const name = requiredString(call.name, `${path}.name`);
    const json = JSON.stringify(asObject(call.args ?? {}, `${path}.args`));
    const given = typeof call.id === "string" && call.id !== "" ? call.id : undefined;
    const id = given ?? inventedId(this.#count, name);
    this.#count += 1;
    this.#open.push({ id, given, name });
    return { id, type: "function", function: { name, arguments: json } };
  }

  /**
   * A result as a chat's message.
   * @throws SluiceError `invalid_request` where no call is left that it could belong to
   */
  answered(result: JsonObject, path: string): JsonObject {
    const name = requiredString(result.name, `${path}.name`);
    const ofId = this.#open.findIndex(({ given }) => given !== undefined && given === result.id);
    const at = ofId >= 0 ? ofId : this.#open.findIndex((call) => call.name === name);
    const [call] = at < 0 ? [] : this.#open.splice(at, 1);
    if (call === undefined)
      throw invalid(path, "no call of the model's turn before it is left to be answered");
    return { role: "tool", tool_call_id: call.id, content: contentOf(result.response) };
  }
}

/** Of the form in which Gemini's adapter names calls itself: it takes them out again. */
function inventedId(place: number, name: string): string {
  const digest = new Bun.CryptoHasher("sha256").update(JSON.stringify([place, name])).digest("hex");
  return `call_${digest.slice(0, 24)}`;
}

/** `output` and `result` are where Google's SDKs put what a function gave back. */
function contentOf(response: unknown): string {
  if (typeof response !== "object" || response === null) return JSON.stringify(response ?? {});
  const entries = Object.entries(response);
  const [only] = entries;
  if (entries.length === 1 && only !== undefined && listIn(["output", "result"]).includes(only[0])) {
    return typeof only[1] === "string" ? only[1] : JSON.stringify(only[1]);
  }
  return JSON.stringify(response);
}
