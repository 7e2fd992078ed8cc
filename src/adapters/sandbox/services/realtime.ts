import type { Clock } from "../../../core/clock.ts";
import type { JsonObject } from "../../../core/generation.ts";
import { isObject, listOf, objectOf, parseJson, textOf } from "../../json.ts";
import type { Dial, SocketEars } from "../../realtime-adapter.ts";
import { promptTokensOf, tokensOf } from "../words.ts";

/** Items that one conversation remembers; older ones are forgotten. */
const MOST_ITEMS = 1_000;

/**
 * The sandbox's end of a conversation: it says again what it was told, in text, and counts as OpenAI does. Sound is taken
 * and not understood. `[[sandbox fail=cut]]` in what it was told cuts the connection in the middle of the answer.
 */
export const createSandboxDial =
  (clock: Clock): Dial =>
  ({ url }, ears) => {
    const model = new URL(url.replace(/^sandbox:/, "ws:")).searchParams.get("model") ?? "";
    const vendor = new SandboxConversation(model, ears, clock);
    clock.soon(() => vendor.begin());
    return {
      send: (frame) => vendor.take(frame),
      unsentBytes: 0,
      pause() {},
      resume() {},
      close: (code, reason) => vendor.end(code, reason),
      drop: () => vendor.end(1006, ""),
    };
  };

class SandboxConversation {
  #count = 0;
  #isOver = false;
  readonly #said: string[] = [];

  constructor(
    readonly model: string,
    readonly ears: SocketEars,
    readonly clock: Clock,
  ) {}

  begin(): void {
    if (this.#isOver) return;
    this.ears.opened();
    const session = { type: "realtime", object: "realtime.session", id: "sess_sandbox", model: this.model };
    this.#tell({ type: "session.created", session });
  }

  /** Later, as a server would. */
  take(frame: string): void {
    this.clock.soon(() => {
      if (!this.#isOver) this.#answer(parseJson(frame));
    });
  }

  end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.clock.soon(() => this.ears.closed(code, reason));
  }

  #answer(event: unknown): void {
    if (!isObject(event)) {
      this.#fail("invalid_json", "The frame is not a JSON object.");
      return;
    }
    switch (event.type) {
      case "session.update":
        this.#tell({ type: "session.updated", session: { ...objectOf(event.session), model: this.model } });
        break;
      case "conversation.item.create":
        this.#remember(objectOf(event.item) ?? {});
        break;
      case "input_audio_buffer.append":
        break;
      case "input_audio_buffer.commit":
        this.#remember({ type: "message", role: "user", content: [{ type: "input_audio" }] });
        break;
      case "response.create":
        this.#respond();
        break;
      case "session.close":
        this.end(1000, "");
        break;
      default:
        this.#fail("invalid_value", `The event '${textOf(event.type) ?? ""}' is unknown to the sandbox.`);
    }
  }

  #remember(item: JsonObject): void {
    const texts = listOf(item.content).map((part) => textOf(objectOf(part)?.text) ?? "");
    this.#said.push(texts.join(" "));
    if (this.#said.length > MOST_ITEMS) this.#said.shift();
    this.#tell({ type: "conversation.item.added", item: { id: this.#name("item"), ...item } });
  }

  #respond(): void {
    const asked = this.#said.at(-1) ?? "";
    const input = this.#said.reduce((sum, text) => sum + Math.max(1, promptTokensOf(text)), 0);
    const words = tokensOf(asked === "" ? "I heard you." : asked);
    const id = this.#name("resp");
    this.#tell({
      type: "response.created",
      response: { id, object: "realtime.response", status: "in_progress" },
    });
    for (const delta of words) {
      this.#tell({
        type: "response.output_text.delta",
        response_id: id,
        output_index: 0,
        content_index: 0,
        delta,
      });
    }
    if (/\[\[sandbox fail=cut/.test(asked)) {
      this.end(1006, "");
      return;
    }
    const text = words.join("");
    this.#tell({ type: "response.output_text.done", response_id: id, text });
    this.#said.push(text);
    const usage = {
      total_tokens: input + words.length,
      input_tokens: input,
      output_tokens: words.length,
      input_token_details: { text_tokens: input, audio_tokens: 0, image_tokens: 0, cached_tokens: 0 },
      output_token_details: { text_tokens: words.length, audio_tokens: 0 },
    };
    const response = {
      id,
      object: "realtime.response",
      status: "completed",
      output: [{ type: "message", content: [{ type: "output_text", text }] }],
      usage,
    };
    this.#tell({ type: "response.done", response });
  }

  #fail(code: string, message: string): void {
    this.#tell({
      type: "error",
      error: { type: "invalid_request_error", code, message, param: null, event_id: null },
    });
  }

  #tell(event: JsonObject): void {
    if (!this.#isOver) this.ears.frame(JSON.stringify({ event_id: this.#name("event"), ...event }));
  }

  #name(kind: string): string {
    this.#count += 1;
    return `${kind}_sandbox${this.#count}`;
  }
}
