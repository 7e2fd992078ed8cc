import type { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { Final } from "../../../gateway/gateway.ts";
import { errorBody } from "../../errors.ts";
import { chargeComment } from "../stream-end.ts";
import { Output, type OutputEvent } from "./output.ts";
import type { OwnState } from "./own-events.ts";
import type { Piece } from "./piece.ts";
import {
  type ResponseAbout,
  responseObject,
  shownItem,
  shownTo,
  statusOf,
  suffixOf,
} from "./response-object.ts";

/**
 * The events of one response as SSE frames, numbered from 0. First `begin`, then `write` for what comes, `end` with
 * the whole response, and `close` with the last frames; each once, in this order. Behind a vendor's own events
 * `goOnFrom` stands for `begin`.
 */
export class ResponseEvents {
  #said = 0;
  #about: ResponseAbout;
  readonly #output: Output;
  #frames = "";
  #number = 0;
  /** Events up to this one are not told; undefined: none has a number that a reader could come back with. */
  #after: number | undefined;

  /** @param after each event has an SSE `id`, counting from 1; those up to this one were told before */
  constructor(about: ResponseAbout, after?: number) {
    this.#about = about;
    this.#after = after;
    this.#output = new Output({
      suffix: suffixOf(about.requestId),
      summarizes: about.request.summarizes,
      emit: (event) => this.#emit(event),
    });
  }

  /** UTF-16 units of what was written, and what its items take beside that. */
  get chars(): number {
    return this.#said + this.#output.chars;
  }

  /** The `id` of the last event. */
  get lastId(): number {
    return this.#number;
  }

  begin(): string {
    const response = responseObject(this.#about, { status: "in_progress", output: [] });
    this.#emit({ type: "response.created", response });
    this.#emit({ type: "response.in_progress", response });
    return this.#taken();
  }

  goOnFrom({ number, items, about }: OwnState): void {
    this.#number = number;
    this.#about = about;
    this.#output.goOnFrom(items);
  }

  /** "" when nothing of it is to be seen. */
  write(pieces: readonly Piece[]): string {
    for (const piece of pieces) {
      this.#said += charsOf(piece);
      this.#output.write(piece);
    }
    return this.#taken();
  }

  /** Nothing more comes. @param endedAt epoch seconds; absent: nobody can tell. @returns the whole response, as it is kept */
  end(final: Final, endedAt?: number): JsonObject {
    const status = statusOf(final);
    this.#output.end(status === "completed" ? "completed" : "incomplete");
    const ended = { status, output: this.#output.items(), final };
    return responseObject(this.#about, endedAt === undefined ? ended : { ...ended, endedAt });
  }

  /**
   * The last frames: the comment that tells the charge, and the event that ends the response. What was not completed
   * has `error` and `response.failed`, then the comment, and never a normal end.
   */
  close(final: Final, response: JsonObject): string {
    const { request } = this.#about;
    const items = this.#taken();
    // The end is told once more to whoever has had it.
    if (this.#after !== undefined) this.#after = Math.min(this.#after, this.#number);
    const { error } = final;
    if (error !== undefined) this.#emit(this.#errorEvent(error));
    this.#emit({ type: `response.${statusOf(final)}`, response: shownTo(request.include, response) });
    const end = this.#taken();
    return error === undefined ? items + chargeComment(final) + end : items + end + chargeComment(final);
  }

  /** OpenAI's schema has the error's fields in the event itself, its servers send them within `error`: both are there. */
  #errorEvent(thrown: SluiceError): OutputEvent {
    const { error } = errorBody(thrown, this.#about.requestId);
    const { code, message, param } = error;
    return { type: "error", code, message, param, error };
  }

  #emit({ item, ...event }: OutputEvent): void {
    const shown = item === undefined ? {} : { item: shownItem(this.#about.request.include, item) };
    const data = JSON.stringify({ ...event, ...shown, sequence_number: this.#number });
    this.#number += 1;
    if (this.#after !== undefined) {
      if (this.#number <= this.#after) return;
      this.#frames += `id: ${this.#number}\n`;
    }
    this.#frames += `event: ${String(event.type)}\ndata: ${data}\n\n`;
  }

  #taken(): string {
    const frames = this.#frames;
    this.#frames = "";
    return frames;
  }
}

function charsOf(piece: Piece): number {
  if (piece.kind === "carried") return 0;
  return piece.kind === "call" ? piece.arguments.length + (piece.name?.length ?? 0) : piece.text.length;
}
