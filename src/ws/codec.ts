import { Packr, Unpackr } from "msgpackr";
import { assertPlain } from "./plain-values.ts";
import type { ServerFrame } from "./protocol.ts";

/** One encoding of the same frames. */
export interface Codec {
  readonly subprotocol: string;
  /** The kind of WebSocket message it uses, in both directions. */
  readonly isBinary: boolean;
  encode(frame: ServerFrame): string | Uint8Array<ArrayBuffer>;
  /** Throws when the message cannot be parsed. Only for messages of its kind. */
  decode(message: string | Uint8Array): unknown;
}

export const jsonCodec: Codec = {
  subprotocol: "sluice.v1.json",
  isBinary: false,
  encode: (frame) => JSON.stringify(frame),
  decode: (message) => JSON.parse(String(message)),
};

// Records are an extension of msgpackr's own that no other implementation reads.
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

export const msgpackCodec: Codec = {
  subprotocol: "sluice.v1.msgpack",
  isBinary: true,
  encode: (frame) => packr.pack(frame) as Uint8Array<ArrayBuffer>, // it allocates with Buffer
  decode(message) {
    const bytes = typeof message === "string" ? Buffer.from(message) : message;
    const value: unknown = unpackr.unpack(bytes);
    assertPlain(value, bytes.byteLength);
    return value;
  },
};

/** The first one is spoken when the client asks for none. */
export const CODECS: readonly Codec[] = [jsonCodec, msgpackCodec];
