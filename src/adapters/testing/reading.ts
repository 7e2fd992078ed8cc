import type { FinishReason, GenerationEvent } from "../../core/generation.ts";
import type { Usage } from "../../core/usage.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { StreamReader } from "../adapter.ts";
import type { ExpectedCall } from "./fixtures.ts";

/** Everything a reader gave for one stream. */
export interface Reading {
  readonly events: readonly GenerationEvent[];
  readonly bytes: Uint8Array;
  readonly hasContent: boolean;
}

/** Feeds the pieces to the reader and closes it. */
export function readAll(reader: StreamReader, pieces: readonly Uint8Array[]): Reading {
  const events: GenerationEvent[] = [];
  const bytes: Uint8Array[] = [];
  let hasContent = false;
  for (const passage of [...pieces.map((piece) => reader.push(piece)), reader.close()]) {
    events.push(...passage.events);
    if (passage.bytes !== undefined) bytes.push(passage.bytes);
    hasContent ||= passage.hasContent;
  }
  return { events, bytes: Buffer.concat(bytes), hasContent };
}

/** What the events of one stream add up to, choice 0. */
export interface Summary {
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly calls: readonly ExpectedCall[];
  readonly finish: FinishReason | undefined;
  /** The last one told. */
  readonly usage: Usage | undefined;
  readonly failure: VendorFailure | undefined;
  readonly hasEnded: boolean;
}

export function summarize(events: readonly GenerationEvent[]): Summary {
  const textOf = (type: "text" | "reasoning" | "refusal"): string =>
    events.map((event) => (event.type === type ? event.text : "")).join("");
  const calls: { id: string; name: string; arguments: string }[] = [];
  let finish: FinishReason | undefined;
  let usage: Usage | undefined;
  let failure: VendorFailure | undefined;
  for (const event of events) {
    if (event.type === "toolCall") {
      const call = calls[event.call] ?? { id: "", name: "", arguments: "" };
      calls[event.call] = call;
      call.id += event.id ?? "";
      call.name += event.name ?? "";
      call.arguments += event.arguments;
    } else if (event.type === "finish") finish = event.reason;
    else if (event.type === "usage") usage = event.usage;
    else if (event.type === "failure") failure = event.failure;
  }
  return {
    text: textOf("text"),
    reasoning: textOf("reasoning"),
    refusal: textOf("refusal"),
    calls,
    finish,
    usage,
    failure,
    hasEnded: events.some((event) => event.type === "end"),
  };
}
