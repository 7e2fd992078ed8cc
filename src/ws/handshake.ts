import { SluiceError } from "../core/errors.ts";
import { CODECS, type Codec, jsonCodec } from "./codec.ts";

const KEY_PREFIX = "sluice.key.";

/** What a client's `Sec-WebSocket-Protocol` header says. */
export interface Offer {
  readonly codec: Codec;
  /**
   * What is answered; undefined when nothing was offered. The key's own where it stands alone: a browser ends a socket
   * for which none of its offers is taken (WHATWG, "establish a WebSocket connection"), and it knows its key already.
   */
  readonly subprotocol: string | undefined;
  readonly secret: string | undefined;
}

/**
 * Reads the subprotocols a client offers: the first encoding known here, and a key if one is among them.
 * @throws SluiceError `invalid_request` when it only offers encodings unknown here
 */
export function readOffer(header: string | null): Offer {
  const offered = (header ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const key = offered.find((name) => name.startsWith(KEY_PREFIX));
  const secret = key?.slice(KEY_PREFIX.length);
  const encodings = offered.filter((name) => !name.startsWith(KEY_PREFIX));
  if (encodings.length === 0) return { codec: jsonCodec, subprotocol: key, secret };
  for (const name of encodings) {
    const codec = CODECS.find(({ subprotocol }) => subprotocol === name);
    if (codec !== undefined) return { codec, subprotocol: name, secret };
  }
  const known = CODECS.map(({ subprotocol }) => subprotocol).join(" or ");
  throw new SluiceError("invalid_request", `No offered subprotocol is known; ask for ${known}.`, {
    param: "Sec-WebSocket-Protocol",
  });
}

/** @throws SluiceError with status 426 when the request does not ask for a WebSocket */
export function requireUpgrade(headers: Headers): void {
  if (headers.get("upgrade")?.toLowerCase() === "websocket") return;
  throw new SluiceError("invalid_request", "This address speaks WebSocket only.", { status: 426 });
}
