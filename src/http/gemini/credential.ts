import type { Credential } from "../../gateway/gateway.ts";
import { type AddressSource, credentialFrom, secretOf } from "../credential.ts";

/**
 * The client's key in a header or, as Google takes it too, in `?key=`. A header wins.
 * @throws SluiceError `invalid_api_key` when there is none
 */
export function geminiCredential(request: Request, addresses: AddressSource | null): Credential {
  const inQuery = new URL(request.url).searchParams.get("key");
  const secret = secretOf(request.headers) ?? (inQuery === "" || inQuery === null ? undefined : inQuery);
  return credentialFrom(secret, request, addresses);
}
