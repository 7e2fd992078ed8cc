import { DETACH_FORMS, parseDetach } from "../core/detach.ts";
import { SluiceError } from "../core/errors.ts";
import { parseTakeover, TAKEOVER_FORMS } from "../core/takeover-policy.ts";
import { CLOCKS, parseTimeout, TIMEOUT_FORMS, type TimeoutWishes } from "../core/timeout-wishes.ts";
import type { Writable } from "../core/writable.ts";
import type { GenerateOptions } from "../gateway/gateway.ts";
import type { OpenOptions } from "../gateway/streams/live-stream.ts";

/** How a client wants its generation carried out. */
export type Wishes = Pick<GenerateOptions, "takeover" | "hedge" | "timeouts"> & Pick<OpenOptions, "detachMs">;

/**
 * The wishes in a request's headers: `x-sluice-takeover`, `x-sluice-hedge`, `x-sluice-timeout-*`, `x-sluice-detach`.
 * @throws SluiceError `invalid_request` for one that means nothing, with the header in `param`
 */
export function wishesIn(headers: Headers): Wishes {
  const takeover = headers.get("x-sluice-takeover");
  const hedge = headers.get("x-sluice-hedge");
  const detach = headers.get("x-sluice-detach");
  const timeouts = timeoutsIn(headers);
  if (takeover === null && hedge === null && detach === null && timeouts === undefined) return NO_WISHES;
  const wishes: Writable<Wishes> = {};
  if (takeover !== null)
    wishes.takeover = parseTakeover(takeover) ?? refuse("x-sluice-takeover", TAKEOVER_FORMS);
  if (timeouts !== undefined) wishes.timeouts = timeouts;
  if (detach !== null) wishes.detachMs = parseDetach(detach) ?? refuse("x-sluice-detach", DETACH_FORMS);
  if (hedge !== null)
    wishes.hedge = hedge === "on" || (hedge !== "off" && refuse("x-sluice-hedge", "'on' or 'off'"));
  return wishes;
}

/** Of the many that leave everything as it is; nothing is made for them. */
const NO_WISHES: Wishes = Object.freeze({});

const TIMEOUTS = Object.entries(CLOCKS).map(([name, clock]) => [`x-sluice-timeout-${name}`, clock] as const);

function timeoutsIn(headers: Headers): TimeoutWishes | undefined {
  let timeouts: TimeoutWishes | undefined;
  for (const [name, clock] of TIMEOUTS) {
    const value = headers.get(name);
    if (value !== null)
      timeouts = { ...timeouts, [clock]: parseTimeout(value) ?? refuse(name, TIMEOUT_FORMS) };
  }
  return timeouts;
}

function refuse(param: string, forms: string): never {
  throw new SluiceError("invalid_request", `The header '${param}' must be ${forms}.`, { param });
}
