import { isIP } from "node:net";
import type { Cancel, Clock } from "../core/clock.ts";
import { type Allowance, plainHost, portOf } from "./allowance.ts";
import { boundedBody } from "./bounded-body.ts";
import { type Outbound, type OutboundCall, OutboundError } from "./outbound.ts";

export interface OutboundPorts {
  readonly clock: Clock;
  readonly allowance: Allowance;
  /** All addresses of a host. Rejects when there is none. */
  resolve(host: string): Promise<readonly string[]>;
  /** A certificate authority besides the system's, in PEM. */
  readonly authority?: string;
}

/** A shortener, a sign of consent, a store: more are a ring. */
export const MOST_REDIRECTS = 5;
/** Addresses of one host that are tried when a connection is refused. */
const MOST_ADDRESSES = 3;
const MOST_URL_CHARS = 8_192;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * The guard: a host is resolved once, its addresses are checked, and the connection goes to the address that was
 * checked, under the host's name. Nothing resolves it a second time, so nobody can change the answer in between.
 */
export function createOutbound(ports: OutboundPorts): Outbound {
  return {
    async fetch(call) {
      const patience = createPatience(ports.clock, call);
      try {
        const answer = await walk(ports, call, patience);
        const body = answer.body ?? emptyBody();
        return {
          status: answer.status,
          headers: answer.headers,
          body: boundedBody(body, call.mostBytes, patience.failureOf, patience.end),
        };
      } catch (thrown) {
        patience.end();
        throw patience.failureOf(thrown);
      }
    },
  };
}

/** Follows redirects. A trusted host is trusted for as long as nothing has led away from it. */
async function walk(ports: OutboundPorts, call: OutboundCall, patience: Patience): Promise<Response> {
  const mayRedirect = (call.method ?? "GET") === "GET" ? (call.redirects ?? MOST_REDIRECTS) : 0;
  const trusted = call.trusted === undefined ? undefined : originOf(call.trusted);
  let url = checkedUrl(call.url);
  let isTrusted = originOf(url.href) === trusted;
  for (let followed = 0; ; followed++) {
    const answer = await send(ports, call, url, isTrusted, patience);
    const location = REDIRECTS.has(answer.status) ? answer.headers.get("location") : null;
    if (location === null || mayRedirect === 0) return accepted(answer, call);
    await answer.body?.cancel();
    if (followed >= mayRedirect) throw new OutboundError("redirects");
    url = checkedUrl(location, url);
    isTrusted &&= originOf(url.href) === trusted;
  }
}

async function send(
  ports: OutboundPorts,
  call: OutboundCall,
  url: URL,
  isTrusted: boolean,
  patience: Patience,
): Promise<Response> {
  const addresses = await addressesOf(ports, url, isTrusted, patience);
  let failure: unknown;
  for (const address of addresses.slice(0, MOST_ADDRESSES)) {
    try {
      return await sendTo(address, ports, call, url, patience.signal);
    } catch (thrown) {
      failure = thrown;
      // Only what was never sent is sent again.
      if (patience.signal.aborted || !isRefused(thrown)) break;
    }
  }
  throw failure;
}

function sendTo(
  address: string,
  { authority }: OutboundPorts,
  call: OutboundCall,
  url: URL,
  signal: AbortSignal,
): Promise<Response> {
  const host = plainHost(url);
  const target = new URL(url);
  target.hostname = address.includes(":") ? `[${address}]` : address;
  return fetch(target.href, {
    method: call.method ?? "GET",
    headers: {
      "user-agent": "Sluice",
      // A packed body would unpack to any size.
      "accept-encoding": "identity",
      ...call.headers,
      host: url.host,
    },
    ...(call.body === undefined ? {} : { body: call.body }),
    redirect: "manual",
    decompress: false,
    // No connection is left behind for a request to another host that resolves to the same address.
    keepalive: false,
    signal,
    tls: {
      ...(isIP(host) === 0 ? { serverName: host } : {}),
      ...(authority === undefined ? {} : { ca: authority }),
    },
  });
}

/** Every address must be permitted: one that is not makes the host a door to the inside. IPv4 comes first. */
async function addressesOf(
  { resolve, allowance }: OutboundPorts,
  url: URL,
  isTrusted: boolean,
  patience: Patience,
): Promise<readonly string[]> {
  const host = plainHost(url);
  const addresses = isIP(host) === 0 ? await patience.atMost(resolved(resolve, host)) : [host];
  if (addresses.length === 0) throw new OutboundError("unresolved");
  const port = portOf(url);
  const mayReach = isTrusted || allowance.isNamed(url);
  if (!mayReach && !addresses.every((address) => allowance.permits(address, port)))
    throw new OutboundError("forbidden");
  return addresses.toSorted((one, other) => isIP(one) - isIP(other));
}

async function resolved(resolve: OutboundPorts["resolve"], host: string): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch (cause) {
    throw new OutboundError("unresolved", { cause });
  }
}

/**
 * A URL that may be asked, as far as it can be told without looking it up. @throws OutboundError `url`
 * @param base what a redirect is relative to
 */
export function checkedUrl(text: string, base?: URL): URL {
  const url = text.length > MOST_URL_CHARS ? null : URL.parse(text, base?.href);
  const isWeb = url !== null && (url.protocol === "http:" || url.protocol === "https:");
  if (!isWeb || url.username !== "" || url.password !== "" || plainHost(url) === "") {
    throw new OutboundError("url");
  }
  url.hash = "";
  return url;
}

function accepted(answer: Response, { mostBytes }: OutboundCall): Response {
  const encoding = answer.headers.get("content-encoding") ?? "identity";
  const declared = Number(answer.headers.get("content-length") ?? 0);
  const failure = encoding !== "identity" ? "encoding" : declared > mostBytes ? "size" : undefined;
  if (failure === undefined) return answer;
  void answer.body?.cancel();
  throw new OutboundError(failure);
}

/** The time that a whole call may take. */
interface Patience {
  readonly signal: AbortSignal;
  atMost<Value>(work: Promise<Value>): Promise<Value>;
  failureOf(thrown: unknown): OutboundError;
  end(): void;
}

function createPatience(clock: Clock, { timeoutMs, signal }: OutboundCall): Patience {
  const own = new AbortController();
  let isLate = false;
  const cancelLate: Cancel = clock.after(timeoutMs, () => {
    isLate = true;
    own.abort();
  });
  const leave = () => own.abort();
  signal?.addEventListener("abort", leave, { once: true });
  if (signal?.aborted === true) leave();
  const failureOf = (thrown: unknown): OutboundError => {
    if (thrown instanceof OutboundError) return thrown;
    const reason = isLate ? "time" : own.signal.aborted ? "cancelled" : "unreachable";
    return new OutboundError(reason, { cause: thrown });
  };
  return {
    signal: own.signal,
    failureOf,
    async atMost(work) {
      const over = Promise.withResolvers<never>();
      const refuse = () => over.reject(failureOf(undefined));
      own.signal.addEventListener("abort", refuse, { once: true });
      if (own.signal.aborted) refuse();
      try {
        return await Promise.race([work, over.promise]);
      } finally {
        own.signal.removeEventListener("abort", refuse);
      }
    },
    end() {
      cancelLate();
      signal?.removeEventListener("abort", leave);
    },
  };
}

function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  return url === null ? undefined : `${url.protocol}//${plainHost(url)}:${portOf(url)}`;
}

/** Codes with which Bun and the system say that no connection came about. */
const REFUSED = new Set([
  "ConnectionRefused",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "FailedToOpenSocket",
]);
const isRefused = (thrown: unknown): boolean =>
  thrown instanceof Error && "code" in thrown && REFUSED.has(String(thrown.code));

const emptyBody = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.close();
    },
  });
