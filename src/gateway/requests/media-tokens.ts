import type { MediaParts } from "../../core/generation.ts";
import { IMAGE_TOKENS } from "../../core/limits.ts";

/**
 * Tokens of a picture at models that count it as more than `IMAGE_TOKENS`. gpt-4o-mini: 2,833 and 5,667 for each square of
 * 512 pixels, of which there are 8 at most (2,048 by 768), as OpenAI's guide to vision says and bills have shown.
 */
const DEAR_PICTURES: readonly { readonly model: RegExp; readonly tokens: number }[] = [
  { model: /gpt-4o-mini/i, tokens: 2_833 + 8 * 5_667 },
];

/**
 * What a model can count of pictures beyond what every request is held for; a page is read as a picture, too.
 * @param models its name at the vendor, which may be a deployment's, and the public one
 */
export function mostTokensOfMedia(models: readonly string[], { pictures, pages }: MediaParts): number {
  const dear = DEAR_PICTURES.find(({ model }) => models.some((name) => model.test(name)));
  return dear === undefined ? 0 : pictures * (dear.tokens - IMAGE_TOKENS) + pages * dear.tokens;
}
