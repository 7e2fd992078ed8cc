import { asSluiceError } from "../../core/errors.ts";
import { ZERO } from "../../core/points.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { Final } from "../gateway.ts";
import type { StreamAbout } from "./entry.ts";

/** For a generation that broke its own rules: what it used cannot be known here. */
export function brokenFinal({ vendor }: StreamAbout, thrown: unknown): Final {
  return {
    outcome: "failed",
    finishReason: null,
    usage: NO_USAGE,
    cost: ZERO,
    vendor,
    error: asSluiceError(thrown),
  };
}
