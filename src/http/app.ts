import { Elysia } from "elysia";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import { randomText } from "../core/ids.ts";
import { allowedMethods } from "./allowed-methods.ts";
import type { AnswerPorts } from "./answer.ts";
import { errorFor } from "./error-shapes.ts";

/** The bare application: every path that no route takes, and every error that no route caught, ends here. */
export function createApp(ports: AnswerPorts) {
  // Elysia takes a host for four characters or more unless told otherwise: of a shorter one it would miss the path's first
  // part, and serve what a proxy in front has refused.
  const app = new Elysia({ name: "sluice", normalize: false, handler: { standardHostname: false } });
  return app.onError(({ code, error, request }) => {
    const id = randomText(ports.random.bytes(24), "req_");
    const methods = code === "NOT_FOUND" ? allowedMethods(app.routes, new URL(request.url).pathname) : [];
    const refusal = code === "NOT_FOUND" ? noRoute(methods, request) : asSluiceError(error);
    if (refusal.code === "internal_error") {
      ports.log.error("a request failed inside the gateway", { request: id, cause: causeOf(error) });
    }
    ports.countRequest(request.method, "other", refusal.status);
    const response = errorFor(request, refusal, id);
    if (methods.length > 0) response.headers.set("allow", methods.join(", "));
    return response;
  });
}

function noRoute(methods: readonly string[], { method, url }: Request): SluiceError {
  const { pathname } = new URL(url);
  if (methods.length === 0) {
    return new SluiceError("not_found", `Unknown request URL: ${method} ${pathname}. See /docs.`);
  }
  return new SluiceError(
    "method_not_allowed",
    `${method} is not allowed on ${pathname}: use ${methods.join(" or ")}.`,
  );
}

const causeOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
