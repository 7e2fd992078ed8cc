import type { NativeDialect } from "../../core/generation.ts";
import type { KeptBytes } from "../openai-family/kept-bytes.ts";
import { readFrame } from "../sse/event-stream.ts";
import type { Shown } from "./shown.ts";

/** What a client of the vendor's own dialect is shown of one stream: its frames as they came. One for each stream. */
export interface OwnFrames {
  readonly dialect: NativeDialect;
  /**
   * Asked once for each frame. False for the end marker, errors, and what the dialect's clients cannot bear.
   * @param name of its `event:` line, which some clients go by: one that says end where the data says none is a lie
   */
  isShown(data: string, said: readonly Shown[], name: string | undefined): boolean;
  /** True for a frame that says that the stream is whole, where clients need it: it is given as `closing`. */
  isClosing?(data: string, said: readonly Shown[]): boolean;
}

/** An event's name and its data, each on a line, and nothing else. */
const PLAIN = /^(?:event:[^\r\n]*\r?\n)?data:[^\r\n]*\r?\n\r?\n$/;

/** Keeps the frame between the two places of its block; without what is not the vendor's to say. */
export function keepFrame(kept: KeptBytes, frame: string, start: number, end: number): void {
  if (PLAIN.test(frame)) kept.keep(start, end);
  else kept.add(rewritten(frame));
}

/** A frame by itself, as far as it is the vendor's to say. */
export const frameAlone = (frame: string): Uint8Array =>
  PLAIN.test(frame) ? Buffer.from(frame) : rewritten(frame);

/** The frame with its name and data alone: comments, ids and times to wait are ours, the comment of the charge above all. */
export function rewritten(frame: string): Uint8Array {
  const { event = "", data = "" } = readFrame(frame);
  // A lone CR ends a line for a client, and is nothing but space in JSON.
  const lines = data.replaceAll("\r", " ").split("\n");
  const name = NAME.test(event) ? `event: ${event}\n` : "";
  return Buffer.from(`${name}${lines.map((line) => `data: ${line}\n`).join("")}\n`);
}

const NAME = /^[\w.-]+$/;
