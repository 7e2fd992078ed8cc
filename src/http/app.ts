import { Elysia } from "elysia";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import { randomText } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { errorResponse } from "./errors.ts";

export interface AppPorts {
  readonly log: Log;
  readonly random: Random;
  countRequest(method: string, endpoint: string, status: number): void;
}

/** The bare application: every path that no route takes, and every error that no route caught, ends here. */
export function createApp(ports: AppPorts) {
  return new Elysia({ name: "sluice", normalize: false }).onError(({ code, error, request }) => {
    const id = `req_${randomText(ports.random.bytes(24))}`;
    const refusal = code === "NOT_FOUND" ? unknownPath(request) : asSluiceError(error);
    if (refusal.code === "internal_error") {
      ports.log.error("a request failed inside the gateway", { request: id, cause: causeOf(error) });
    }
    ports.countRequest(request.method, "other", refusal.status);
    return errorResponse(refusal, id);
  });
}

function unknownPath(request: Request): SluiceError {
  const { pathname } = new URL(request.url);
  return new SluiceError("not_found", `Unknown request URL: ${request.method} ${pathname}. See /docs.`);
}

const causeOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
