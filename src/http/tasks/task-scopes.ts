import { SluiceError } from "../../core/errors.ts";
import type { Caller, Credential, Gateway, Scope } from "../../gateway/gateway.ts";
import type { BatchPath } from "../../gateway/requests/batch.ts";

/** What can be done by a task; a key that may do any of it may look at tasks. */
const SCOPES = ["images", "chat", "completions", "embeddings"] as const satisfies readonly Scope[];

const SCOPE_OF_PATH: Readonly<Record<BatchPath, Scope>> = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
  "/v1/images/generations": "images",
};

/** What a key must be allowed for the lines of a batch. */
export const scopesOfPaths = (paths: Iterable<BatchPath>): ReadonlySet<Scope> =>
  new Set(Array.from(paths, (path) => SCOPE_OF_PATH[path]));

/** @throws SluiceError of the first scope when the key has none of them, or is none */
export async function callerWithAny(gateway: Gateway, credential: Credential): Promise<Caller> {
  let refusal: unknown;
  for (const scope of SCOPES) {
    try {
      return await gateway.authenticate(credential, scope);
    } catch (thrown) {
      if (!(thrown instanceof SluiceError) || thrown.code !== "permission_denied") throw thrown;
      refusal ??= thrown;
    }
  }
  throw refusal;
}

/** @throws SluiceError `permission_denied` when the key lacks one of them */
export async function requireAll(
  gateway: Gateway,
  credential: Credential,
  scopes: ReadonlySet<Scope>,
): Promise<void> {
  for (const scope of scopes) await gateway.authenticate(credential, scope);
}
