import type { JsonObject } from "../../core/generation.ts";
import { numberOf } from "../json.ts";

/** The segments of a verbose transcript as SubRip or WebVTT; undefined when they do not say when they are. */
export function subtitles(format: "srt" | "vtt", segments: readonly JsonObject[]): string | undefined {
  const cues: string[] = [];
  for (const segment of segments) {
    const start = numberOf(segment.start);
    const end = numberOf(segment.end);
    if (start === undefined || end === undefined || typeof segment.text !== "string") return undefined;
    const sign = format === "srt" ? "," : ".";
    const time = `${clockTime(start, sign)} --> ${clockTime(end, sign)}`;
    const number = format === "srt" ? `${cues.length + 1}\n` : "";
    // An empty line would end the cue.
    cues.push(`${number}${time}\n${segment.text.trim().replaceAll(/\n{2,}/g, "\n")}\n\n`);
  }
  return (format === "vtt" ? "WEBVTT\n\n" : "") + cues.join("");
}

/** `00:01:02,345`. */
function clockTime(seconds: number, sign: string): string {
  const ms = Math.round(seconds * 1_000);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const whole = `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1_000) % 60)}`;
  return `${whole}${sign}${String(ms % 1_000).padStart(3, "0")}`;
}
