/** Identifiers, each its own type so that one cannot be passed for another. */
declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

export type TenantId = Id<"tenant">;
export type KeyId = Id<"key">;
export type NodeId = Id<"node">;
export type VendorId = Id<"vendor">;
export type RequestId = Id<"request">;
export type StreamId = Id<"stream">;
export type TaskId = Id<"task">;
export type MediaId = Id<"media">;
/** One message of a webhook: the same through all its attempts. */
export type WebhookId = Id<"webhook">;
/** Names one exact price: the hash of its content, so that a receipt can always show what was applied. */
export type PriceId = Id<"price">;

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** What each byte becomes. */
const LETTERS = Uint8Array.from({ length: 256 }, (_, byte) => ALPHABET.charCodeAt(byte % 36));
/** Texts are put together here: 24 letters joined one by one would be 24 strings. */
const written = Buffer.alloc(64);

/**
 * Lower-case base 36 text, a character for each of the random bytes (slightly biased, which ids can bear).
 * @param prefix stands before it, in ASCII
 */
export function randomText(bytes: Uint8Array, prefix = ""): string {
  const start = prefix.length;
  const end = start + bytes.length;
  const target = end <= written.length ? written : Buffer.alloc(end);
  for (let at = 0; at < start; at += 1) target[at] = prefix.charCodeAt(at);
  for (let at = start; at < end; at += 1) target[at] = LETTERS[bytes[at - start] ?? 0] ?? 0;
  return target.toString("latin1", 0, end);
}

export const tenantId = (text: string): TenantId => text as TenantId;
export const keyId = (text: string): KeyId => text as KeyId;
export const nodeId = (text: string): NodeId => text as NodeId;
export const vendorId = (text: string): VendorId => text as VendorId;
export const requestId = (text: string): RequestId => text as RequestId;
export const streamId = (text: string): StreamId => text as StreamId;
export const taskId = (text: string): TaskId => text as TaskId;
export const mediaId = (text: string): MediaId => text as MediaId;
export const webhookId = (text: string): WebhookId => text as WebhookId;
export const priceId = (text: string): PriceId => text as PriceId;
