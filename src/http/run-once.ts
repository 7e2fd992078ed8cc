import type { RequestId, TenantId } from "../core/ids.ts";
import type { Idempotency } from "./idempotent.ts";

/** A POST that its client may send again. */
export interface Repeatable {
  readonly tenant: TenantId;
  readonly id: RequestId;
  /** Of its body: bytes as they came, or a hash of what they say, which may be made only where it is needed. */
  readonly print: string | Uint8Array | (() => string);
  /** What else shapes the answer, headers among it; absent: the path alone. Never changed: keys of yesterday go by it. */
  readonly about?: string;
}

/** What a request with an `Idempotency-Key` is known by. */
export interface Named {
  readonly key: string;
  readonly fingerprint: string;
}

/**
 * Carries a request out.
 * @param signal the client's; undefined: whoever comes back for the answer shall find it whole, so that it is made whether
 *   its first client stays or not
 */
export type Run = (named: Named | undefined, signal: AbortSignal | undefined) => Promise<Response>;

/** Runs a request; where it carries an `Idempotency-Key`, once, and answers as its first run was answered. */
export function runOnce(
  idempotency: Idempotency,
  request: Request,
  { tenant, id, print, about }: Repeatable,
  run: Run,
): Promise<Response> {
  const { headers, signal } = request;
  const key = headers.get("idempotency-key");
  if (key === null) return run(undefined, signal);
  const what = about ?? new URL(request.url).pathname;
  const fingerprint = new Bun.CryptoHasher("sha256")
    .update(`POST ${what}\n`)
    .update(typeof print === "function" ? print() : print)
    .digest("hex");
  return idempotency.once(key, { tenant, request: id, fingerprint, signal }, async () => {
    const response = await run({ key, fingerprint }, undefined);
    // Whoever gets the answer again sees whose it is.
    if (!response.headers.has("x-request-id")) response.headers.set("x-request-id", id);
    return response;
  });
}
