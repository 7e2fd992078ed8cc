import type { RequestId, TenantId } from "../core/ids.ts";
import type { Idempotency } from "./idempotent.ts";

/** A POST that its client may send again. */
export interface Repeatable {
  readonly tenant: TenantId;
  readonly id: RequestId;
  /** Of its body and whatever else shapes the answer, besides the path. Bytes as they came, or a hash of what they say. */
  readonly print: string | Uint8Array;
}

/** What a request with an `Idempotency-Key` is known by. */
export interface Named {
  readonly key: string;
  readonly fingerprint: string;
}

/** Runs a request; where it carries an `Idempotency-Key`, once, and answers as its first run was answered. */
export async function runOnce(
  idempotency: Idempotency,
  request: Request,
  { tenant, id, print }: Repeatable,
  run: (named?: Named) => Promise<Response>,
): Promise<Response> {
  const key = request.headers.get("idempotency-key");
  if (key === null) return run();
  const { pathname } = new URL(request.url);
  const hash = new Bun.CryptoHasher("sha256").update(`POST ${pathname}\n`).update(print);
  const fingerprint = hash.digest("hex");
  return idempotency.once(key, { tenant, request: id, fingerprint, signal: request.signal }, async () => {
    const response = await run({ key, fingerprint });
    // Whoever gets the answer again sees whose it is.
    if (!response.headers.has("x-request-id")) response.headers.set("x-request-id", id);
    return response;
  });
}
