import { SluiceError } from "../core/errors.ts";
import type { Credential } from "../gateway/gateway.ts";

/** Tells a request's peer address; Bun's server does. */
export interface AddressSource {
  requestIP(request: Request): { readonly address: string } | null;
}

/**
 * The client's key in any of the places where the vendors' SDKs put it: `Authorization: Bearer`, `x-api-key`
 * (Anthropic), `x-goog-api-key` (Gemini), `api-key` (Azure), `mj-api-secret` (midjourney-proxy). The address is looked up only if it is asked for.
 * @throws SluiceError `invalid_api_key` when there is none
 */
export function credentialOf(request: Request, addresses: AddressSource | null): Credential {
  return credentialFrom(secretOf(request.headers), request, addresses);
}

/** The same with a key that was found. @throws SluiceError `invalid_api_key` when there is none */
export function credentialFrom(
  secret: string | undefined,
  request: Request,
  addresses: AddressSource | null,
): Credential {
  if (secret === undefined) {
    throw new SluiceError(
      "invalid_api_key",
      "You didn't provide an API key. Send it as 'Authorization: Bearer sk-…'.",
    );
  }
  return new RequestCredential(secret, request, addresses);
}

/** A class for the sake of its getter: a literal with one costs an object of its own kind for each request. */
class RequestCredential implements Credential {
  readonly #request: Request;
  readonly #addresses: AddressSource | null;

  constructor(
    readonly secret: string,
    request: Request,
    addresses: AddressSource | null,
  ) {
    this.#request = request;
    this.#addresses = addresses;
  }

  get address(): string {
    return this.#addresses?.requestIP(this.#request)?.address ?? "";
  }
}

const BEARER = /^bearer /i;
const KEY_HEADERS = ["x-api-key", "x-goog-api-key", "api-key", "mj-api-secret"] as const;

/** The key of a request, wherever SDKs put it; `authorization` comes first. Undefined: there is none. */
export function secretOf(headers: Headers): string | undefined {
  const authorization = headers.get("authorization");
  if (authorization !== null && authorization.length > 7 && BEARER.test(authorization)) {
    return authorization.slice(7).trim();
  }
  for (const name of KEY_HEADERS) {
    const secret = headers.get(name);
    if (secret !== null) return secret;
  }
  return undefined;
}
