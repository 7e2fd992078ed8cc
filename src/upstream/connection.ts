import type { Socket } from "bun";
import type { AnswerHead } from "./answer-head.ts";
import { AnswerParser, type AnswerSink } from "./answer-parser.ts";
import type { Carrier, Exchange } from "./exchange.ts";
import { JOINED_BODY_BYTES, PROBE_MS } from "./limits.ts";
import type { OriginAddress, OutgoingRequest } from "./request-head.ts";
import { networkError, UpstreamError } from "./upstream-error.ts";

/** Whose a connection is: told what becomes of it. */
export interface ConnectionOwner {
  /** Connected and, where that is asked for, secured: it may carry its first exchange. */
  connected(connection: Connection): void;
  /** Its exchange is over and it may carry another. */
  freed(connection: Connection): void;
  /** Its server closed it while it was unused, or sent what nobody asked for. It ends. */
  spoiled(connection: Connection): void;
  /** It is closed, maybe told a second time. `exchange`: which it carried, and which is not over. */
  ended(connection: Connection, exchange: Exchange | undefined, error: UpstreamError): void;
  /** A TLS session that spares the next connection's handshake a part. */
  session: Buffer | undefined;
  readonly address: OriginAddress;
}

/** `connecting`: until it is secured. */
export type State = "connecting" | "idle" | "busy" | "closed";

/** One connection to a vendor, which carries one exchange after another. */
export class Connection implements Carrier, AnswerSink {
  state: State = "connecting";
  /** When it was last used, or was begun; monotonic milliseconds. */
  since: number;
  /** How many exchanges it has completed. */
  served = 0;
  /** How long its server keeps it unused, by its own word. */
  keepAliveMs: number | undefined;
  /** Neighbours in the list of unused ones. */
  older: Connection | undefined;
  newer: Connection | undefined;
  #socket: Socket<Connection> | undefined;
  readonly #parser = new AnswerParser();
  #exchange: Exchange | undefined;
  #keepsAlive = true;
  /** What the system has not taken yet of the request. */
  #unsent: Uint8Array[] = [];
  #isPaused = false;

  constructor(
    readonly owner: ConnectionOwner,
    since: number,
  ) {
    this.since = since;
  }

  /** Sends the request; false, with nothing sent, when the connection turns out to be closed. */
  carry(exchange: Exchange): boolean {
    const socket = this.#socket;
    if (socket === undefined || socket.readyState !== 1) return false;
    this.state = "busy";
    this.#exchange = exchange;
    this.#keepsAlive = true;
    exchange.carrier = this;
    this.#parser.begin(this);
    if (exchange.request !== undefined && this.#send(socket, exchange, exchange.request)) return true;
    this.#exchange = undefined;
    exchange.carrier = undefined;
    return false;
  }

  head(head: AnswerHead): void {
    this.#keepsAlive = head.keepsAlive;
    if (head.keepAliveMs !== undefined) this.keepAliveMs = head.keepAliveMs;
    this.#exchange?.head(head);
  }

  body(bytes: Uint8Array): void {
    this.#exchange?.body(bytes);
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket?.resume();
  }

  drop(): void {
    this.close(true);
  }

  /** @param atOnce resets it: the vendor learns that nobody reads on */
  close(atOnce = false): void {
    if (this.state === "closed") return;
    const socket = this.#socket;
    this.#forget();
    if (atOnce) socket?.terminate();
    else socket?.end();
    this.owner.ended(this, undefined, CLOSED_BY_US);
  }

  opened(socket: Socket<Connection>): void {
    if (this.state === "closed") {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, PROBE_MS);
    if (!this.owner.address.isSecure) this.owner.connected(this);
    else if (this.owner.session !== undefined) socket.setSession(this.owner.session);
  }

  secured(isTrusted: boolean, error: Error | null): void {
    if (this.state !== "connecting") return;
    if (isTrusted && error === null) {
      this.owner.connected(this);
      return;
    }
    this.#fail(
      networkError(error, "connection_closed", "The vendor's certificate is not to be trusted."),
      true,
    );
  }

  received(bytes: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      // Nothing was asked: whatever this is, the next answer could not be told from it.
      if (this.state === "idle") this.owner.spoiled(this);
      this.close(true);
      return;
    }
    exchange.hasBegun = true;
    let taken: number;
    try {
      taken = this.#parser.push(bytes);
    } catch (thrown) {
      this.#fail(thrown, true);
      return;
    }
    if (this.#parser.isReading || this.#exchange === undefined) return;
    this.#complete(exchange, taken === bytes.length);
  }

  drained(): void {
    const exchange = this.#exchange;
    while (this.#unsent.length > 0) {
      const [bytes] = this.#unsent;
      const written = bytes === undefined ? 0 : (this.#socket?.write(bytes) ?? -1);
      if (bytes === undefined || written < bytes.length) {
        if (written > 0 && bytes !== undefined) this.#unsent[0] = bytes.subarray(written);
        return;
      }
      this.#unsent.shift();
      if (this.#unsent.length === 0 && exchange !== undefined) sent(exchange);
    }
  }

  /** Closed by the other side, or broken. */
  lost(error: Error | null | undefined, isOpen = false): void {
    if (this.state === "closed") return;
    if (this.state === "idle") this.owner.spoiled(this);
    const isOrderly = error === undefined || error === null;
    const exchange = this.#exchange;
    if (exchange !== undefined && isOrderly && this.#parser.close()) {
      this.#keepsAlive = false;
      this.#complete(exchange, true);
      return;
    }
    const code = exchange !== undefined && exchange.status !== 0 ? "body_cut" : "connection_closed";
    this.#fail(networkError(error, code, "The vendor's connection was closed."), isOpen);
  }

  /** It could not be opened. */
  refused(error: Error | null | undefined): void {
    this.#fail(networkError(error, "connection_closed", "The vendor cannot be connected to."), false);
  }

  /** Closes it with a reason, which its exchange is told. */
  giveUp(error: UpstreamError): void {
    this.#fail(error, true);
  }

  #complete(exchange: Exchange, isClean: boolean): void {
    this.#exchange = undefined;
    this.served += 1;
    const isReusable = isClean && this.#keepsAlive && this.#unsent.length === 0;
    if (isReusable) {
      if (this.#isPaused) this.resume();
      if (this.served === 1 && this.owner.address.isSecure) this.#keepSession();
      this.state = "idle";
      this.owner.freed(this);
    } else this.close(!isClean || this.#unsent.length > 0);
    exchange.end();
  }

  #fail(error: unknown, isOpen: boolean): void {
    if (this.state === "closed") return;
    const socket = this.#socket;
    const exchange = this.#exchange;
    this.#forget();
    if (isOpen) socket?.terminate();
    const reason =
      error instanceof UpstreamError ? error : new UpstreamError("malformed_answer", String(error));
    this.owner.ended(this, exchange, reason);
  }

  /** What is being opened cannot be stopped: it is closed once it stands. */
  #forget(): void {
    this.state = "closed";
    this.#exchange = undefined;
    this.#socket = undefined;
    this.#unsent = [];
  }

  /** The first ticket comes after the handshake, with or before the first answer. */
  #keepSession(): void {
    // Bun declares no result, and gives a Buffer once there is a session.
    const session = this.#socket?.getSession() as unknown;
    if (session instanceof Buffer) this.owner.session = session;
  }

  /** False: the connection is closed, and nothing of the request was sent. */
  #send(socket: Socket<Connection>, exchange: Exchange, { head, body, bodyBytes }: OutgoingRequest): boolean {
    if (bodyBytes > JOINED_BODY_BYTES) {
      this.#unsent = [Buffer.from(head, "latin1"), typeof body === "string" ? Buffer.from(body) : body];
      this.drained();
      return true;
    }
    const whole = typeof body === "string" ? head + body : Buffer.concat([Buffer.from(head, "latin1"), body]);
    const written = socket.write(whole);
    if (written < 0) return false;
    if (written >= head.length + bodyBytes) {
      sent(exchange);
      return true;
    }
    this.#unsent = [(typeof whole === "string" ? Buffer.from(whole) : whole).subarray(written)];
    return true;
  }
}

function sent(exchange: Exchange): void {
  exchange.isSent = true;
  exchange.observer?.reached("sent");
}

const CLOSED_BY_US = new UpstreamError("upstream_closed", "The connection was closed from here.");
