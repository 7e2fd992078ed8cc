import type { JsonObject } from "../../../core/generation.ts";
import { objectIn } from "./chat-pieces.ts";
import { OwnItem, type PartList } from "./own-item.ts";
import { shownNames, shownText } from "./own-response.ts";
import { type ResponseAbout, shownItem } from "./response-object.ts";

/** Pieces by their event: which parts of an item they lengthen, and which field of them. */
const LENGTHENED: ReadonlyMap<string, readonly [list: PartList, field: string]> = new Map([
  ["response.output_text.delta", ["content", "text"]],
  ["response.refusal.delta", ["content", "refusal"]],
  ["response.reasoning_text.delta", ["content", "text"]],
  ["response.reasoning_summary_text.delta", ["summary", "text"]],
]);

const FRAME_END = /\r?\n\r?\n/g;

/** What an item or a part takes in memory beside its text. */
const CHARS_OF_A_PART = 100;

/** Where a vendor's own stream stands, for whoever goes on with it. */
export interface OwnState {
  /** The number of the next event. */
  readonly number: number;
  readonly items: readonly OwnItem[];
  readonly about: ResponseAbout;
}

/**
 * A vendor's own events on their way to a client. What changes is the response's names, by which it is kept here, and
 * what was asked for to be kept and not for the client; everything else goes out as it came.
 */
export class OwnEvents {
  /** UTF-16 units of what was said: it is remembered until the end. */
  chars = 0;
  readonly #items = new Map<number, OwnItem>();
  readonly #decoder = new TextDecoder();
  #about: ResponseAbout;
  #number = 0;

  constructor(about: ResponseAbout) {
    this.#about = about;
  }

  get state(): OwnState {
    const items = [...this.#items].sort(([a], [b]) => a - b).map(([, item]) => item);
    return { number: this.#number, items, about: this.#about };
  }

  /** @param frames whole ones, each an event's name and its data alone */
  pass(frames: Uint8Array): Uint8Array {
    const text = this.#decoder.decode(frames);
    let shown = "";
    let isChanged = false;
    let start = 0;
    for (const { index, 0: gap } of text.matchAll(FRAME_END)) {
      const frame = text.slice(start, index + gap.length);
      start = index + gap.length;
      const changed = this.#take(frame);
      isChanged ||= changed !== frame;
      shown += changed;
    }
    return isChanged ? encoder.encode(shown) : frames;
  }

  /** The frame, with what must change in it. */
  #take(frame: string): string {
    const { data, event } = eventIn(frame);
    if (event === undefined) return frame;
    this.#follow(event, data.length);
    const response = objectIn(event.response);
    if (response !== undefined) {
      const names = shownNames(this.#about, this.#about.request.store);
      return withData(frame, data, shownText(this.#about, data, response, names, "response"));
    }
    const item = objectIn(event.item);
    if (item === undefined) return frame;
    const shown = shownItem(this.#about.request.include, item);
    if (Object.keys(shown).length === Object.keys(item).length) return frame;
    return withData(frame, data, JSON.stringify({ ...event, item: shown }));
  }

  /** @param size characters of the event's text */
  #follow(event: JsonObject, size: number): void {
    const { type, sequence_number, response, item, part } = event;
    if (Number.isSafeInteger(sequence_number))
      this.#number = Math.max(this.#number, Number(sequence_number) + 1);
    if (type === "response.created") this.#begin(objectIn(response) ?? {});
    const index = indexIn(event.output_index);
    const whole = objectIn(item);
    if (whole !== undefined) this.#takeItem(index, whole, type === "response.output_item.done", size);
    const open = this.#items.get(index);
    if (open === undefined || open.isDone) return;
    const given = objectIn(part);
    if (given !== undefined) this.#takePart(open, event, given, size);
    else this.#lengthen(open, event);
  }

  /** The names that the vendor gave stay, whoever goes on. */
  #begin({ model, created_at }: JsonObject): void {
    this.#about = {
      ...this.#about,
      ...(typeof model === "string" ? { model } : {}),
      ...(typeof created_at === "number" ? { createdAt: created_at } : {}),
    };
  }

  #takeItem(index: number, item: JsonObject, isDone: boolean, size: number): void {
    const known = this.#items.get(index) ?? new OwnItem(index, item);
    this.#items.set(index, known);
    this.chars += CHARS_OF_A_PART + known.grow(size);
    if (isDone) known.finish(item);
  }

  #takePart(
    item: OwnItem,
    { type, content_index, summary_index }: JsonObject,
    part: JsonObject,
    size: number,
  ): void {
    const list = summary_index === undefined ? "content" : "summary";
    const index = indexIn(content_index ?? summary_index);
    this.chars += CHARS_OF_A_PART + item.grow(size, [list, index]);
    item.setPart(list, index, part, String(type).endsWith(".added"));
  }

  #lengthen(item: OwnItem, { type, delta, content_index, summary_index }: JsonObject): void {
    if (typeof delta !== "string") return;
    this.chars += delta.length;
    if (type === "response.function_call_arguments.delta") item.lengthenArguments(delta);
    const [list, field] = LENGTHENED.get(String(type)) ?? [];
    if (list !== undefined && field !== undefined)
      item.lengthen(list, indexIn(content_index ?? summary_index), field, delta);
  }
}

const encoder = new TextEncoder();

const indexIn = (value: unknown): number => (Number.isSafeInteger(value) ? Number(value) : 0);

/** A frame's data, and what it says; no event for what is no object. */
export function eventIn(frame: string): { readonly data: string; readonly event: JsonObject | undefined } {
  const lines = frame.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  const data = lines.map((line) => line.slice(line[5] === " " ? 6 : 5)).join("\n");
  try {
    return { data, event: objectIn(JSON.parse(data)) };
  } catch {
    return { data, event: undefined };
  }
}

/** The frame with other data. What stood on several lines stands on one. */
export function withData(frame: string, data: string, changed: string): string {
  const at = data.includes("\n") ? -1 : frame.lastIndexOf(data);
  if (at >= 0) return frame.slice(0, at) + changed + frame.slice(at + data.length);
  const name = /^event:[^\r\n]*\r?\n/.exec(frame)?.[0] ?? "";
  return `${name}data: ${changed.replaceAll("\n", " ")}\n\n`;
}
