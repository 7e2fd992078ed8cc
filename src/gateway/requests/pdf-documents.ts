import { MOST_DOCUMENT_TOKENS, MOST_PAGES, tokensOfPdf } from "./media-tokens.ts";
import { pdfLength } from "./pdf-length.ts";
import { type PdfBudget, pdfBudget } from "./pdf-streams.ts";

/** A PDF in a prompt. */
export interface PdfDocument {
  /** At most. */
  readonly pages: number;
  /** What it is held for. */
  readonly tokens: number;
}

/** By what it is said to be, or by how it begins: `%PDF-`. */
const PDF = /^(?:data:application\/pdf[;,]|(?:data:[^,]{0,200},)?JVBERi0)/i;

/** A PDF in base64, alone or as a `data:` URL. Undefined: it is something else. */
export function readPdf(data: string, budget: PdfBudget): PdfDocument | undefined {
  if (!PDF.test(data.slice(0, 300))) return undefined;
  const length = pdfLength(Buffer.from(data.slice(data.indexOf(",") + 1), "base64"), budget);
  return { pages: length.pages ?? MOST_PAGES, tokens: tokensOfPdf(length) };
}

/** What PDFs are held for that stand anywhere in a value of a client's own dialect, where no chat has them. */
export function pdfTokensIn(value: unknown): number {
  const budget = pdfBudget();
  const tokensIn = (part: unknown): number => {
    if (typeof part === "string") return readPdf(part, budget)?.tokens ?? 0;
    if (typeof part !== "object" || part === null) return 0;
    return Object.values(part).reduce<number>((sum, field) => sum + tokensIn(field), 0);
  };
  return Math.min(tokensIn(value), MOST_DOCUMENT_TOKENS);
}
