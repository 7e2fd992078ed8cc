import { asSluiceError, SluiceError } from "../core/errors.ts";
import { randomText } from "../core/ids.ts";
import type { AnswerPorts } from "./answer.ts";
import { errorResponse } from "./errors.ts";

/** Where requests come in from the server, and what it answers when even that fails. */
export interface Entrance {
  fetch(request: Request): Response | Promise<Response>;
  error(thrown: Error): Response;
}

/** What requests without a host are addressed to: HTTP/1.0 needs none, and load balancers ask for health that way. */
const NO_HOST = "http://localhost";

/** What nearly all hosts look like, so that no URL is read for them. */
const USUAL = /^http:\/\/[A-Za-z0-9][\w.-]*(?::\d{1,4})?\/(?!\/)/;

/** Lets in what has a URL that can be read; any other host is refused (RFC 9112, 3.2). */
export function createEntrance(app: Pick<Entrance, "fetch">, ports: AnswerPorts): Entrance {
  const refuse = (method: string, error: SluiceError): Response => {
    ports.countRequest(method, "other", error.status);
    return errorResponse(error, randomText(ports.random.bytes(24), "req_"));
  };
  return {
    fetch(request) {
      const addressed = withUrl(request);
      if (addressed !== undefined) return app.fetch(addressed);
      const message = "The request's 'Host' is not the name of a host.";
      return refuse(request.method, new SluiceError("invalid_request", message, { param: "Host" }));
    },
    error(thrown) {
      ports.log.error("a request failed outside of its route", { cause: String(thrown) });
      return refuse("other", asSluiceError(thrown));
    },
  };
}

/** Bun gives the bare path where the host is missing, or none. */
function withUrl(request: Request): Request | undefined {
  const { url } = request;
  if (USUAL.test(url) || URL.canParse(url)) return request;
  const isWithoutHost = (request.headers.get("host") ?? "") === "" && url.startsWith("/");
  return isWithoutHost ? new Request(NO_HOST + url, request) : undefined;
}
