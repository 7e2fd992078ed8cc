import { SluiceError } from "../core/errors.ts";
import { parseTakeover, TAKEOVER_FORMS } from "../core/takeover-policy.ts";
import type { GenerateOptions } from "../gateway/gateway.ts";

/** How a client wants its generation carried out. */
export type Wishes = Pick<GenerateOptions, "takeover" | "hedge">;

/**
 * The wishes in a request's headers: `x-sluice-takeover` and `x-sluice-hedge`.
 * @throws SluiceError `invalid_request` for one that means nothing, with the header in `param`
 */
export function wishesIn(headers: Headers): Wishes {
  const takeover = headers.get("x-sluice-takeover");
  const hedge = headers.get("x-sluice-hedge");
  return {
    ...(takeover === null
      ? {}
      : { takeover: parseTakeover(takeover) ?? refuse("x-sluice-takeover", TAKEOVER_FORMS) }),
    ...(hedge === null
      ? {}
      : { hedge: hedge === "on" || (hedge !== "off" && refuse("x-sluice-hedge", "'on' or 'off'")) }),
  };
}

function refuse(param: string, forms: string): never {
  throw new SluiceError("invalid_request", `The header '${param}' must be ${forms}.`, { param });
}
