import type { VendorCall } from "../adapters/adapter.ts";
import { MAX_ADDRESSES } from "./limits.ts";
import { UpstreamError } from "./upstream-error.ts";

/** A server as connections are made to it. */
export interface OriginAddress {
  /** `https://api.openai.com:443`. */
  readonly name: string;
  readonly hostname: string;
  readonly port: number;
  readonly isSecure: boolean;
}

/** A request as it is written. */
export interface OutgoingRequest {
  readonly origin: OriginAddress;
  /** Sent again without harm when nobody knows whether it arrived (RFC 9110, 9.2.2). */
  readonly isIdempotent: boolean;
  /** Up to and with the empty line. */
  readonly head: string;
  readonly body: string | Uint8Array;
  readonly bodyBytes: number;
}

/** What an address contributes to every request that goes there. */
interface Address {
  readonly origin: OriginAddress;
  /** ` /v1/chat/completions HTTP/1.1\r\nhost: …`, behind the method. */
  readonly start: string;
}

/** What calls with the same fields to the same address begin with. */
interface Beginning {
  readonly method: VendorCall["method"];
  readonly url: string;
  readonly origin: OriginAddress;
  /** Up to the framing's own field. */
  readonly text: string;
  /** Up to the number of the body's bytes. */
  readonly upToLength: string;
}

/**
 * What we say of ourselves unless the call does. Bodies come as they are: what compression saves on the way it costs in
 * CPU, and on the way it was seen to hold a stream's events back.
 */
const OWN_FIELDS = "accept: */*\r\naccept-encoding: identity\r\nuser-agent: sluice\r\n";
const OWN_NAMES = /^(?:accept|accept-encoding|user-agent)$/i;
/** The connection's and the framing's own fields are not a call's to set. */
const FRAMING_NAMES =
  /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|keep-alive|expect)$/i;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** The names that adapters give are a few dozen. Beyond this many all are forgotten. */
const MAX_NAMES = 256;
const VALUE = /^[\t\x20-\x7e]*$/;

/** `own`: replaces what we say of ourselves. */
type NameKind = "any" | "own" | "refused";

/** Writes calls as requests, remembering what their addresses come to. */
export class RequestWriter {
  readonly #addresses = new Map<string, Address>();
  readonly #names = new Map<string, NameKind>();
  /** By fields that cannot change any more: one address each, since those of one target go to one, mostly. */
  readonly #beginnings = new WeakMap<VendorCall["headers"], Beginning>();

  /** Throws UpstreamError (`invalid_call`) for what cannot be written. */
  write(call: VendorCall): OutgoingRequest {
    const { method, headers, body } = call;
    const { origin, text, upToLength } = this.#beginningOf(call.url, method, headers);
    const bodyBytes = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
    const isIdempotent = method === "GET";
    const head = isIdempotent && bodyBytes === 0 ? `${text}\r\n` : `${upToLength}${bodyBytes}\r\n\r\n`;
    return { origin, isIdempotent, head, body, bodyBytes };
  }

  #beginningOf(url: string, method: VendorCall["method"], headers: VendorCall["headers"]): Beginning {
    const known = this.#beginnings.get(headers);
    if (known !== undefined && known.url === url && known.method === method) return known;
    const { origin, start } = this.#addressOf(url);
    const text = method + start + this.#write(headers);
    const beginning = { method, url, origin, text, upToLength: `${text}content-length: ` };
    if (Object.isFrozen(headers)) this.#beginnings.set(headers, beginning);
    return beginning;
  }

  #write(headers: VendorCall["headers"]): string {
    let fields = "";
    let given = 0;
    for (const name in headers) {
      const value = headers[name] ?? "";
      const kind = this.#names.get(name) ?? this.#judge(name);
      if (kind === "refused" || !VALUE.test(value)) {
        throw new UpstreamError("invalid_call", `The field '${name}' cannot be sent.`);
      }
      if (kind === "own") given += 1;
      fields += `${name}: ${value}\r\n`;
    }
    return (given === 0 ? OWN_FIELDS : ownFieldsBut(headers)) + fields;
  }

  #judge(name: string): NameKind {
    const isRefused = !NAME.test(name) || FRAMING_NAMES.test(name);
    const kind = isRefused ? "refused" : OWN_NAMES.test(name) ? "own" : "any";
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.set(name, kind);
    return kind;
  }

  #addressOf(url: string): Address {
    const known = this.#addresses.get(url);
    if (known !== undefined) return known;
    if (this.#addresses.size >= MAX_ADDRESSES) this.#addresses.clear();
    const address = readAddress(url);
    this.#addresses.set(url, address);
    return address;
  }
}

function ownFieldsBut(headers: Readonly<Record<string, string>>): string {
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  return OWN_FIELDS.split("\r\n")
    .filter((field) => field !== "" && !given.has(field.slice(0, field.indexOf(":"))))
    .map((field) => `${field}\r\n`)
    .join("");
}

function readAddress(text: string): Address {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:") || url.username !== "") {
    throw new UpstreamError("invalid_call", "The vendor's address is not one of HTTP.");
  }
  const isSecure = url.protocol === "https:";
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const origin = { name: `${url.protocol}//${url.hostname}:${port}`, hostname, port, isSecure };
  return { origin, start: ` ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n` };
}
