import { Packr, Unpackr } from "msgpackr";
import { SluiceError } from "../core/errors.ts";
import { type Excess, excessOfText } from "../core/nesting.ts";
import { excessOfMsgpack } from "./msgpack-excess.ts";
import { assertPlain } from "./plain-values.ts";
import type { ServerFrame } from "./protocol.ts";

/** What a WebSocket carries: text or bytes. */
export type Message = string | Uint8Array<ArrayBuffer>;

/** One encoding of the same frames. */
export interface Codec {
  readonly subprotocol: string;
  /** The kind of WebSocket message it uses, in both directions. */
  readonly isBinary: boolean;
  encode(frame: ServerFrame): Message;
  /**
   * Only for messages of its kind.
   * @throws SluiceError `invalid_request` for a message that would hold up everybody; anything else when it cannot be parsed
   */
  decode(message: string | Uint8Array): unknown;
}

export const jsonCodec: Codec = {
  subprotocol: "sluice.v1.json",
  isBinary: false,
  encode: (frame) => JSON.stringify(frame),
  decode(message) {
    const text = String(message);
    refuseExcess(excessOfText(text));
    return JSON.parse(text);
  },
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
    refuseExcess(excessOfMsgpack(bytes));
    const value: unknown = unpackr.unpack(bytes);
    assertPlain(value, bytes.byteLength);
    return value;
  },
};

function refuseExcess(excess: Excess): void {
  if (excess !== undefined) throw new SluiceError("invalid_request", `The frame is ${excess}.`);
}

/** The first one is spoken when the client asks for none. */
export const CODECS: readonly Codec[] = [jsonCodec, msgpackCodec];
