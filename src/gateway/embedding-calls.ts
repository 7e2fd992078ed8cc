import type { VendorAnswer } from "../adapters/adapter.ts";
import type { GenerationRequest, JsonObject } from "../core/generation.ts";
import { MAX_ANSWER_BYTES } from "../core/limits.ts";
import { sumOfTold } from "../core/usage.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import { promptTokensForHold } from "./requests/prompt-tokens.ts";

/** The texts of one request in several calls, for vendors that embed fewer in one than are asked for. */

/** A vendor is not asked for more than these at once: its limits are counted by the call. */
const CALLS_AT_ONCE = 4;

/** An answer that is one. */
type Vectors = VendorAnswer & { readonly ok: true };

/** What came of one call. */
export type Embedded =
  | { readonly kind: "vectors"; readonly answer: Vectors }
  | { readonly kind: "failed"; readonly failure: VendorFailure };

/**
 * The request in parts of at most `most` texts each, in order; the request itself where one call does. How many there can
 * be is bounded by how many texts a request may hold. Tokens in place of texts are nobody's to cut.
 */
export function partsOf(request: GenerationRequest, most: number | undefined): readonly GenerationRequest[] {
  const { input } = request.body;
  if (request.operation !== "embedding" || most === undefined || !isTexts(input) || input.length <= most) {
    return [request];
  }
  return Array.from({ length: Math.ceil(input.length / most) }, (_, index) => {
    const texts = input.slice(index * most, (index + 1) * most);
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    return {
      ...request,
      body: { ...request.body, input: texts },
      promptTokens: promptTokensForHold(bytes),
    };
  });
}

const isTexts = (input: unknown): input is readonly string[] =>
  Array.isArray(input) && input.every((item) => typeof item === "string");

/**
 * Sends the parts until one fails: the first alone, since what refuses it would refuse them all, then a few at once. What
 * is under way when one fails is waited for. `send` never rejects.
 * @returns what came of each, by its place; the ones that were not sent are missing
 */
export async function sendParts(
  parts: readonly GenerationRequest[],
  send: (part: GenerationRequest, index: number) => Promise<Embedded>,
): Promise<ReadonlyMap<number, Embedded>> {
  const results = new Map<number, Embedded>();
  const waiting = [...parts.entries()];
  let hasFailed = false;
  const next = async (): Promise<boolean> => {
    const part = hasFailed ? undefined : waiting.shift();
    if (part === undefined) return false;
    const result = await send(part[1], part[0]);
    results.set(part[0], result);
    hasFailed ||= result.kind === "failed";
    return true;
  };
  await next();
  const lane = async (): Promise<void> => {
    while (await next());
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, lane));
  return results;
}

/** One answer out of those of all parts: vectors in the order of the texts, usage summed. */
export function joined(
  parts: readonly GenerationRequest[],
  results: ReadonlyMap<number, Embedded>,
): VendorAnswer {
  const answers: Vectors[] = [];
  let bytes = 0;
  for (const [index, part] of parts.entries()) {
    const result = results.get(index);
    if (result === undefined || result.kind === "failed") return { ok: false, failure: failureIn(results) };
    const { answer } = result;
    bytes += answer.body.byteLength;
    if (vectorsIn(answer).length !== textsIn(part)) return { ok: false, failure: INCOMPLETE };
    answers.push(answer);
  }
  if (bytes > MAX_ANSWER_BYTES) return { ok: false, failure: TOO_LARGE };
  const data = answers.flatMap(vectorsIn).map((item, index) => ({ ...item, index }));
  const tokens = {
    prompt_tokens: told(answers, "prompt_tokens"),
    total_tokens: told(answers, "total_tokens"),
  };
  const isTold = tokens.prompt_tokens !== undefined || tokens.total_tokens !== undefined;
  const { usage: _, ...about } = answers[0]?.parsed ?? {};
  const parsed: JsonObject = { ...about, data, ...(isTold ? { usage: tokens } : {}) };
  return {
    ok: true,
    body: Buffer.from(JSON.stringify(parsed)),
    parsed,
    usage: sumOfTold(answers.map(({ usage }) => usage)),
    finishReasons: [],
    outputChars: 0,
  };
}

/** The first one by its place. */
export function failureIn(results: ReadonlyMap<number, Embedded>): VendorFailure {
  const places = [...results.keys()].sort((one, other) => one - other);
  for (const place of places) {
    const result = results.get(place);
    if (result?.kind === "failed") return result.failure;
  }
  return INCOMPLETE;
}

const textsIn = ({ body }: GenerationRequest): number => (isTexts(body.input) ? body.input.length : 1);

/** In the order of their own part: vendors number them within a call. */
function vectorsIn({ parsed }: Vectors): readonly JsonObject[] {
  const { data } = parsed;
  if (!Array.isArray(data)) return [];
  const items = data.filter((item): item is JsonObject => typeof item === "object" && item !== null);
  const place = (item: JsonObject, at: number): number => (typeof item.index === "number" ? item.index : at);
  return items
    .map((item, at) => [place(item, at), item] as const)
    .sort(([one], [other]) => one - other)
    .map(([, item]) => item);
}

/** Undefined where one of them does not say. */
function told(answers: readonly Vectors[], name: "prompt_tokens" | "total_tokens"): number | undefined {
  let sum = 0;
  for (const { parsed } of answers) {
    const { usage } = parsed;
    const count = typeof usage === "object" && usage !== null ? Object.entries(usage) : [];
    const value = count.find(([field]) => field === name)?.[1];
    if (typeof value !== "number") return undefined;
    sum += value;
  }
  return sum;
}

const INCOMPLETE: VendorFailure = {
  fault: "vendor",
  code: "vendor_unavailable",
  status: 200,
  vendorCode: "no_result",
  message: "The vendor's answer lacks vectors.",
};

const TOO_LARGE: VendorFailure = {
  fault: "vendor",
  code: "vendor_unavailable",
  status: 200,
  vendorCode: "answer_too_large",
  message: `The vendor's answer exceeded ${MAX_ANSWER_BYTES} bytes.`,
};
