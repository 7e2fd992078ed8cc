import type { JsonObject } from "../../core/generation.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import { asBody, asObject, invalid } from "../../gateway/requests/fields.ts";
import { rateLimitHeaders } from "../errors.ts";
import { headerText } from "../header-text.ts";
import type { Asked } from "./content-answer.ts";
import { plainBody } from "./plain-body.ts";
import { type ContentRequest, parseContent } from "./request.ts";
import { errorHere } from "./words.ts";

/**
 * Reads a body of `:countTokens`: contents alone, or a whole request.
 * @param model as the path names it
 * @throws SluiceError naming the field that cannot be read
 */
export function parseCount(value: unknown, model: string): ContentRequest {
  const body = plainBody(asBody(value));
  const { contents, generateContentRequest: whole } = body;
  if (contents !== undefined && whole !== undefined)
    throw invalid("contents", "stands in 'generateContentRequest' already");
  const counted: JsonObject = whole === undefined ? { contents } : asObject(whole, "generateContentRequest");
  return parseContent(counted, model, false, "spoken");
}

/**
 * The tokens of a prompt, in Gemini's shape. `x-sluice-vendor` tells who counted, `x-sluice-estimated` that nobody did.
 * @param signal the client went away
 */
export async function answerCount(
  gateway: Pick<Gateway, "countTokens">,
  { caller, path }: Asked,
  { request }: ContentRequest,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const counting = gateway.countTokens(caller, request, {
    path,
    ...(signal === undefined ? {} : { signal }),
  });
  const { inputTokens, counted, limit } = await counting.catch((thrown: unknown) => {
    throw errorHere(thrown);
  });
  const headers: Record<string, string> = { "x-sluice-cost": "0" };
  if (counted === undefined) headers["x-sluice-estimated"] = "true";
  else {
    headers["x-sluice-vendor"] = headerText(counted.vendor);
    headers["x-sluice-model"] = headerText(counted.vendorModel);
  }
  if (limit !== undefined) Object.assign(headers, rateLimitHeaders(limit));
  return Response.json({ totalTokens: inputTokens }, { headers });
}
