import type { Caller, Gateway, TokenCount } from "../../gateway/gateway.ts";
import { headerText } from "../header-text.ts";
import { limitHeaders } from "./headers.ts";
import type { MessagesRequest } from "./request.ts";
import { errorHere } from "./words.ts";

export const COUNT_PATH = "/v1/messages/count_tokens";

/**
 * The tokens of a prompt, in Anthropic's shape. `x-sluice-vendor` tells who counted, `x-sluice-estimated` that nobody did.
 * @param now epoch milliseconds
 */
export async function countResponse(
  gateway: Pick<Gateway, "countTokens">,
  caller: Caller,
  { request }: MessagesRequest,
  now: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const options = { path: COUNT_PATH, ...(signal === undefined ? {} : { signal }) };
  const count = await gateway.countTokens(caller, request, options).catch((thrown: unknown) => {
    throw errorHere(thrown);
  });
  return Response.json({ input_tokens: count.inputTokens }, { headers: headersOf(count, now) });
}

function headersOf({ counted, limit }: TokenCount, now: number): Record<string, string> {
  const headers: Record<string, string> = { "x-sluice-cost": "0" };
  if (counted === undefined) headers["x-sluice-estimated"] = "true";
  else {
    headers["x-sluice-vendor"] = headerText(counted.vendor);
    headers["x-sluice-model"] = headerText(counted.vendorModel);
  }
  return limit === undefined ? headers : { ...headers, ...limitHeaders(limit, now) };
}
