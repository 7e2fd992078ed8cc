import type { MediaParts } from "../../core/generation.ts";
import { IMAGE_TOKENS } from "../../core/limits.ts";
import type { PdfLength } from "./pdf-length.ts";

/**
 * A page of a PDF, which is read as text and as a picture: up to 3,000 tokens of text (Anthropic's guide to PDFs) and 1,600 of
 * a picture (its guide to vision; scanned pages were counted as that). Others count less: Gemini 258 to 1,120 and no text,
 * OpenAI up to 1,445 and the text.
 */
const PAGE_TEXT_TOKENS = 3_000;
const PAGE_PICTURE_TOKENS = 1_600;
/** The most that a model reads of documents (Gemini's input limit; Claude's longest context is less). */
export const MOST_DOCUMENT_TOKENS = 1_048_576;
/** The most pages that any vendor reads (Gemini; Anthropic takes 600). */
export const MOST_PAGES = 1_000;

/** What a document is held for; text that is denser than pages are counts by its bytes, as any text. */
export function tokensOfPdf({ pages = MOST_PAGES, textBytes }: PdfLength): number {
  const text = Math.max(pages * PAGE_TEXT_TOKENS, Math.ceil(textBytes / 2));
  return Math.min(MOST_DOCUMENT_TOKENS, pages * PAGE_PICTURE_TOKENS + text);
}

/**
 * Tokens of a picture at models that count it as more than `IMAGE_TOKENS`. gpt-4o-mini: 2,833 and 5,667 for each square of
 * 512 pixels, of which there are 8 at most (2,048 by 768), as OpenAI's guide to vision says and bills have shown.
 */
const DEAR_PICTURES: readonly DearPictures[] = [
  { model: /gpt-4o-mini/i, tokens: 2_833 + 8 * 5_667, mostPages: 100 },
];

interface DearPictures {
  readonly model: RegExp;
  readonly tokens: number;
  /** More pages are in no context of the model (128,000 tokens, of which each takes 1,445 and its text). */
  readonly mostPages: number;
}

/**
 * What a model can count of pictures beyond what every request is held for; a page is read as a picture, too.
 * @param models its name at the vendor, which may be a deployment's, and the public one
 */
export function mostTokensOfMedia(models: readonly string[], { pictures, pages }: MediaParts): number {
  const dear = DEAR_PICTURES.find(({ model }) => models.some((name) => model.test(name)));
  return dear === undefined
    ? 0
    : pictures * (dear.tokens - IMAGE_TOKENS) + Math.min(pages, dear.mostPages) * dear.tokens;
}
