import { Packr } from "msgpackr";

/**
 * Payloads as MessagePack. A bigint stays a bigint, a Map a Map, bytes stay bytes; a property that is
 * undefined reads as undefined on the other side. Every message stands alone: no state between two.
 */
const packr = new Packr({ mapsAsObjects: false, moreTypes: true, int64AsType: "bigint" });

export const packPayload = (payload: unknown): Uint8Array => packr.pack(payload);

export const unpackPayload = (bytes: Uint8Array): unknown => packr.unpack(bytes);
