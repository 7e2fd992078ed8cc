import type { MediaRequest } from "../../core/media.ts";

/** A prompt of Midjourney's, as any vendor can be asked for it. */
export interface ReadPrompt {
  readonly words: string;
  /** Everything behind the words, as it was written: for a vendor that reads it. */
  readonly parameters: string;
  readonly size?: NonNullable<MediaRequest["size"]>;
  readonly negativePrompt?: string;
  readonly seed?: number;
}

const FIRST_PARAMETER = /(?:^|\s)(?:--|—)[a-z]/i;
const PARAMETER = /(?:--|—)([a-z]+)\s*(.*?)(?=\s+(?:--|—)[a-z]|$)/gis;
/** Most vendors draw about so many pixels; sides are multiples of 16, as some demand. */
const PIXELS = 1_024 * 1_024;
const STEP = 16;
const MOST_SIDE = 4_096;

/** `a cat --ar 16:9 --no dogs --seed 7 --v 7`: the words, and what of the parameters other vendors know as well. */
export function readPrompt(prompt: string): ReadPrompt {
  const at = FIRST_PARAMETER.exec(prompt)?.index;
  if (at === undefined) return { words: prompt.trim(), parameters: "" };
  const parameters = prompt.slice(at).trim();
  // One blank for many: what looks for the next parameter would look at each of them again and again.
  const found = parameters.replaceAll(/\s+/g, " ").matchAll(PARAMETER);
  const values = new Map([...found].map(([, name = "", value = ""]) => [name.toLowerCase(), value.trim()]));
  const size = sizeOf(values.get("ar") ?? values.get("aspect") ?? "");
  const negativePrompt = values.get("no") ?? "";
  const seed = values.get("seed") ?? "";
  return {
    words: prompt.slice(0, at).trim(),
    parameters,
    ...(size === undefined ? {} : { size }),
    ...(negativePrompt === "" ? {} : { negativePrompt }),
    ...(/^\d{1,10}$/.test(seed) ? { seed: Number(seed) } : {}),
  };
}

/** Of the shape `16:9`: as near to it as its sides can be. */
function sizeOf(ratio: string): ReadPrompt["size"] {
  const [, across, down] = /^(\d{1,3}):(\d{1,3})$/.exec(ratio) ?? [];
  const shape = Number(across) / Number(down);
  if (!Number.isFinite(shape) || shape <= 0) return undefined;
  const side = (length: number): number =>
    Math.min(MOST_SIDE, Math.max(STEP, Math.round(length / STEP) * STEP));
  return { width: side(Math.sqrt(PIXELS * shape)), height: side(Math.sqrt(PIXELS / shape)) };
}
