import type { MediaRequest } from "../../core/media.ts";
import { aspectRatioOf } from "../aspect-ratio.ts";

const hasParameter = (text: string, name: RegExp): boolean =>
  new RegExp(`(?:^|\\s)--(?:${name.source})\\b`, "i").test(text);

/**
 * The prompt as Midjourney reads it: pictures' URLs, the words, and the parameters behind them. What a client has written
 * itself wins over what its size, seed and negative prompt say.
 */
export function promptText(request: MediaRequest, parameters = ""): string {
  const { prompt = "", size, seed, negativePrompt, style, inputs } = request;
  const own = `${prompt} ${parameters}`;
  const urls = inputs.flatMap((input) => (input.kind === "url" ? [oneWord(input.url)] : []));
  const more = [
    size !== undefined && !hasParameter(own, /ar|aspect/) && `--ar ${aspectRatioOf(size)}`,
    negativePrompt !== undefined && !hasParameter(own, /no/) && `--no ${negativePrompt}`,
    seed !== undefined && !hasParameter(own, /seed/) && `--seed ${seed}`,
    style === "raw" && !hasParameter(own, /style/) && "--style raw",
  ];
  return [...urls, prompt, parameters, ...more]
    .filter((part) => typeof part === "string" && part !== "")
    .join(" ");
}

/** What stood behind a blank in it would be read as words of the prompt, or as parameters. */
const oneWord = (url: string): string => url.replaceAll(/\s/g, "%20");

/** What of a request the prompt cannot say. */
export function unsaid(request: MediaRequest): string[] {
  const { quality, style, background, format, options } = request;
  return [
    ...(quality === undefined ? [] : ["quality"]),
    ...(style === undefined || style === "raw" ? [] : ["style"]),
    ...(background === undefined ? [] : ["background"]),
    ...(format === undefined ? [] : ["output_format"]),
    ...Object.keys(options).filter((name) => name !== "midjourney"),
  ];
}
