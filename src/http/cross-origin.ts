import { SluiceError } from "../core/errors.ts";
import { randomText } from "../core/ids.ts";
import type { AnswerPorts } from "./answer.ts";
import type { Entrance } from "./entrance.ts";
import { errorResponse } from "./errors.ts";

/** What browsers ask for and are told before they let a page read an answer: https://fetch.spec.whatwg.org, "CORS protocol". */

/** Clients' own paths. What operators call, measure and watch is no page's business. */
const CLIENT_PATH = /^(?:https?:\/\/[^/?#]*)?\/(?:v1|v1beta|api|mj(?:-[a-z]+)?)\//;

const METHODS = "GET, HEAD, POST, DELETE";
/** Two hours: the longest that Chromium remembers. */
const REMEMBERED_S = "7200";

/** Headers that a page may send: keys wherever SDKs put them, and what these say of themselves. */
const SENT: ReadonlySet<string> = new Set([
  ...["authorization", "x-api-key", "x-goog-api-key", "api-key", "mj-api-secret"],
  ...["content-type", "accept", "idempotency-key", "last-event-id", "cache-control", "user-agent"],
  ...["range", "if-range", "if-none-match", "x-request-id"],
  ...["openai-organization", "openai-project", "openai-beta", "x-goog-api-client", "x-client-request-id"],
]);
const SENT_FAMILIES = ["x-sluice-", "x-stainless-", "anthropic-"];
/** Of what a page wishes to send; no SDK sends as many. */
const MOST_WISHES = 64;

/** Headers that a page may read, besides those that it always may. */
const READ: ReadonlySet<string> = new Set([
  ...["x-request-id", "request-id", "retry-after", "location", "allow"],
  ...["etag", "accept-ranges", "content-range", "content-length", "content-disposition"],
]);
const READ_FAMILIES = ["x-sluice-", "x-ratelimit-"];

const isOf = (known: ReadonlySet<string>, families: readonly string[], name: string): boolean =>
  known.has(name) || families.some((family) => name.startsWith(family));

/**
 * An entrance for browsers too: pages of these origins may call the client API. Credentials of a browser's own (cookies) are
 * never allowed: keys come in headers, so that a star tells nobody anything.
 * @param origins as `config/cors-schema.ts` lets through
 */
export function openToOrigins(entrance: Entrance, origins: readonly string[], ports: AnswerPorts): Entrance {
  const isAllowed = allowedBy(origins);
  const isForAll = origins.includes("*");
  const allow = (headers: Headers, origin: string): void =>
    headers.set("access-control-allow-origin", isForAll ? "*" : origin);

  const preflight = (request: Request, origin: string): Response => {
    ports.countRequest(request.method, "preflight", isAllowed(origin) ? 204 : 403);
    if (!isAllowed(origin)) {
      const refusal = new SluiceError("permission_denied", "Pages of this origin may not call this gateway.");
      return varied(errorResponse(refusal, randomText(ports.random.bytes(24), "req_")), PREFLIGHT_VARIES);
    }
    const headers = new Headers({
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": allowedHeaders(request.headers.get("access-control-request-headers")),
      "access-control-max-age": REMEMBERED_S,
    });
    allow(headers, origin);
    return varied(new Response(null, { status: 204, headers }), PREFLIGHT_VARIES);
  };

  /** Undefined after a WebSocket's upgrade: there is no answer then. */
  const shown = (response: Response | undefined, origin: string | null): Response | undefined => {
    if (response === undefined) return undefined;
    const { headers } = response;
    if (origin !== null && isAllowed(origin)) {
      const readable = [...headers.keys()].filter((name) => isOf(READ, READ_FAMILIES, name));
      allow(headers, origin);
      if (readable.length > 0) headers.set("access-control-expose-headers", readable.join(", "));
    }
    // What is told to one origin must not be shown to another by a cache.
    return isForAll ? response : varied(response, "Origin");
  };

  return {
    ...entrance,
    fetch(request) {
      if (!CLIENT_PATH.test(request.url)) return entrance.fetch(request);
      const origin = request.headers.get("origin");
      const isPreflight =
        request.method === "OPTIONS" && request.headers.has("access-control-request-method");
      if (origin !== null && isPreflight) return preflight(request, origin);
      const answer = entrance.fetch(request);
      const show = (response: Response) => shown(response, origin) as Response; // Bun takes undefined after an upgrade
      return answer instanceof Promise ? answer.then(show) : show(answer);
    },
  };
}

const PREFLIGHT_VARIES = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

function varied(response: Response, by: string): Response {
  response.headers.append("vary", by);
  return response;
}

/** Of what is wished for, what is known; without wishes all that has a name. */
function allowedHeaders(wished: string | null): string {
  if (wished === null) return [...SENT].join(", ");
  return wished
    .toLowerCase()
    .split(",", MOST_WISHES)
    .map((name) => name.trim())
    .filter((name) => /^[a-z0-9-]+$/.test(name) && isOf(SENT, SENT_FAMILIES, name))
    .join(", ");
}

function allowedBy(origins: readonly string[]): (origin: string) => boolean {
  if (origins.includes("*")) return () => true;
  const exact = new Set(origins);
  const below = origins.flatMap((origin) => {
    const [scheme, domain] = origin.split("*");
    return domain === undefined ? [] : [{ scheme: scheme ?? "", domain }];
  });
  return (origin) =>
    exact.has(origin) ||
    below.some(({ scheme, domain }) => {
      if (!origin.startsWith(scheme) || !origin.endsWith(domain)) return false;
      return /^[a-z0-9.-]+$/.test(origin.slice(scheme.length, -domain.length));
    });
}
