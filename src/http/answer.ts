import { asSluiceError, SluiceError } from "../core/errors.ts";
import { type RequestId, randomText, requestId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { isUnreachable } from "../ledger/database.ts";
import { errorFor } from "./error-shapes.ts";

export interface AnswerPorts {
  readonly log: Log;
  readonly random: Random;
  /** Counts an answered request under its route's pattern. */
  countRequest(method: string, endpoint: string, status: number): void;
}

/** Runs a route to its answer: errors become answers, each is counted and carries `x-request-id`. Never rejects. */
export type Answer = (
  request: Request,
  endpoint: string,
  run: (id: RequestId, request: Request) => Response | Promise<Response>,
) => Promise<Response>;

export function createAnswer({ log, random, countRequest }: AnswerPorts): Answer {
  return async (request, endpoint, run) => {
    const id = requestId(randomText(random.bytes(24), "req_"));
    let response: Response;
    try {
      response = await run(id, request);
      // An answer that is given again names the request that made it.
      if (!response.headers.has("x-request-id")) response.headers.set("x-request-id", id);
    } catch (thrown) {
      const error = refusalOf(thrown);
      if (error.code === "internal_error") log.error("a request failed", { request: id, endpoint, error });
      response = errorFor(request, error, id);
    }
    countRequest(request.method, endpoint, response.status);
    return response;
  };
}

/** A ledger that is away is nobody's mistake and passes. */
function refusalOf(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError || !isUnreachable(thrown)) return asSluiceError(thrown);
  const message = "The ledger cannot be reached at the moment. Try again.";
  return new SluiceError("overloaded", message, { retryAfterMs: 1_000, cause: thrown });
}
