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
  run: (id: RequestId) => Response | Promise<Response>,
) => Promise<Response>;

export function createAnswer(ports: AnswerPorts): Answer {
  const answering = new Answering(ports);
  return async (request, endpoint, run) => {
    const id = answering.begin();
    try {
      return answering.given(request, endpoint, id, await run(id));
    } catch (thrown) {
      return answering.refused(request, endpoint, id, thrown);
    }
  };
}

/** What `createAnswer` puts around a route, for the one that is called most: it spares it a promise of its own. */
export class Answering {
  readonly #ports: AnswerPorts;

  constructor(ports: AnswerPorts) {
    this.#ports = ports;
  }

  /** Names a request; it ends in one of the others. */
  begin(): RequestId {
    return requestId(randomText(this.#ports.random.bytes(24), "req_"));
  }

  given(request: Request, endpoint: string, id: RequestId, response: Response): Response {
    const { headers } = response;
    // An answer that is given again names the request that made it.
    if (!headers.has("x-request-id")) headers.set("x-request-id", id);
    this.#ports.countRequest(request.method, endpoint, response.status);
    return response;
  }

  refused(request: Request, endpoint: string, id: RequestId, thrown: unknown): Response {
    const { log, countRequest } = this.#ports;
    const error = refusalOf(thrown);
    if (error.code === "internal_error") log.error("a request failed", { request: id, endpoint, error });
    const response = errorFor(request, error, id);
    countRequest(request.method, endpoint, response.status);
    return response;
  }
}

/** A ledger that is away is nobody's mistake and passes. */
function refusalOf(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError || !isUnreachable(thrown)) return asSluiceError(thrown);
  const message = "The ledger cannot be reached at the moment. Try again.";
  return new SluiceError("overloaded", message, { retryAfterMs: 1_000, cause: thrown });
}
