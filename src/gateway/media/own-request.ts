import { ADAPTER_NAMES, type AdapterName } from "../../core/catalog.ts";
import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { MediaRequest } from "../../core/media.ts";

/**
 * The request as one kind of vendor is to see it: options that are another kind's by their name are left out.
 * @throws SluiceError `unsupported_parameter` where such options say that nobody else can do it
 */
export function ownRequest(request: MediaRequest, name: AdapterName): MediaRequest {
  const others = ADAPTER_NAMES.filter((other) => other !== name && request.options[other] !== undefined);
  if (others.length === 0) return request;
  const options: Record<string, unknown> = { ...request.options };
  for (const other of others) {
    if ((options[other] as JsonObject | null)?.only === true) {
      throw new SluiceError("unsupported_parameter", `This can be done by ${other} alone.`, { param: other });
    }
    delete options[other];
  }
  return { ...request, options };
}
