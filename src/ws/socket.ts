import type { Server, WebSocketHandler } from "bun";
import type { Clock } from "../core/clock.ts";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import { type RequestId, randomText, requestId, type TenantId } from "../core/ids.ts";
import { SOCKETS_PER_KEY, UNSENT_BYTES } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { LiveStreams } from "../gateway/streams/live-stream.ts";
import type { Codec } from "./codec.ts";
import type { OpenAiShapes } from "./frames.ts";
import { type Offer, readOffer, requireUpgrade } from "./handshake.ts";
import { CLOSE, closeSocket, type KeySockets, Outlet, type Socket, type SocketData } from "./outlet.ts";
import { idOf, parseFrame } from "./protocol.ts";
import { Session, type SessionPorts } from "./session.ts";
import { SocketTable } from "./socket-table.ts";
import { issueTicket, type TicketStore } from "./tickets.ts";

export interface WebSocketPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly gateway: Gateway;
  readonly streams: LiveStreams;
  readonly tickets: TicketStore;
  readonly shapes: OpenAiShapes;
  readonly bodyLimitBytes: number;
  /** Open at once; absent: SOCKETS_PER_KEY. */
  readonly socketsPerKey?: number;
  /** The key in a request's headers, wherever the dialects put it. */
  secretOf(headers: Headers): string | undefined;
  errorResponse(error: SluiceError, requestId: RequestId): Response;
  /** Runs a POST; one that comes again under its `Idempotency-Key` gets the first one's answer. */
  once(
    request: Request,
    about: { readonly tenant: TenantId; readonly id: RequestId; readonly print: string },
    run: () => Promise<Response>,
  ): Promise<Response>;
}

/** A socket that says nothing this long is closed. Bun pings shortly before; browsers answer by themselves. */
const IDLE_SECONDS = 120;
/** When a key that has all the sockets that it may have shall ask again. */
const FULL_KEY_AGAIN_MS = 1_000;
/** What a `generate` frame adds to the body it carries. */
const ENVELOPE_BYTES = 4 * 1024;

/** `GET /v1/ws` and `POST /v1/ws/tickets`. */
export class WebSockets {
  /** For `Bun.serve({ websocket })`. */
  readonly handler: WebSocketHandler<SocketData>;
  readonly #ports: WebSocketPorts;
  readonly #table: SocketTable;
  readonly #outlet: Outlet;
  readonly #sessionPorts: SessionPorts;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(ports: WebSocketPorts) {
    const { gateway, streams, shapes, clock } = ports;
    this.#ports = ports;
    this.#table = new SocketTable({ clock, gateway, keyLost: (key) => this.#endKey(key) });
    this.#outlet = new Outlet(clock);
    this.#sessionPorts = {
      gateway,
      streams,
      shapes,
      outlet: this.#outlet,
      newRequestId: () => this.#newRequestId(),
      isDraining: () => this.#drained !== undefined,
      keyLost: (ws) => this.#endKey(ws.data.key),
      idle: (ws) => {
        if (this.#drained !== undefined) goAway(ws);
      },
    };
    this.handler = this.#createHandler();
  }

  stats(): { readonly sockets: number } {
    return { sockets: this.#table.count };
  }

  /**
   * Turns a request into a WebSocket. The key comes in a header, as `?ticket=`, or as the subprotocol
   * `sluice.key.<key>`.
   * @returns undefined when upgraded, else the answer that says why not (401 without a valid key)
   */
  async upgrade(request: Request, server: Server<SocketData>): Promise<Response | undefined> {
    try {
      if (this.#drained !== undefined) throw new SluiceError("overloaded", "This node is stopping.");
      requireUpgrade(request.headers);
      const offer = readOffer(request.headers.get("sec-websocket-protocol"));
      const secret = await this.#secretOf(request, offer);
      const address = server.requestIP(request)?.address ?? "";
      await this.#ports.gateway.authenticate({ secret, address }, "chat");
      const key = this.#table.keyOf(secret);
      const { socketsPerKey = SOCKETS_PER_KEY } = this.#ports;
      if (key.sockets.size >= socketsPerKey) {
        const message = `A key has at most ${socketsPerKey} sockets on one node.`;
        throw new SluiceError("rate_limit_exceeded", message, { retryAfterMs: FULL_KEY_AGAIN_MS });
      }
      const data = dataOf(offer.codec, key);
      // Always given: Bun would answer the first protocol that was offered, which may be the key.
      const headers = { "sec-websocket-protocol": offer.subprotocol ?? "" };
      if (server.upgrade(request, { data, headers })) return undefined;
      throw new SluiceError("invalid_request", "The request is no valid WebSocket handshake.");
    } catch (thrown) {
      return this.#ports.errorResponse(asSluiceError(thrown), this.#newRequestId());
    }
  }

  /** Answers `{"ticket", "expires_in"}`: good for one upgrade with the key that asked for it. */
  async postTicket(request: Request, server: Server<SocketData>): Promise<Response> {
    const id = this.#newRequestId();
    try {
      const { gateway, random, tickets, secretOf } = this.#ports;
      const secret = secretOf(request.headers);
      if (secret === undefined) throw noKey();
      const address = server.requestIP(request)?.address ?? "";
      const { tenant, key } = await gateway.authenticate({ secret, address }, "chat");
      // A ticket is good for its key alone, so no other key of the tenant gets it again.
      return await this.#ports.once(request, { tenant, id, print: key }, async () => {
        const ticket = await issueTicket(tickets, random, secret);
        return Response.json(ticket, { headers: { "x-request-id": id, "cache-control": "no-store" } });
      });
    } catch (thrown) {
      return this.#ports.errorResponse(asSluiceError(thrown), id);
    }
  }

  /**
   * For a node that stops: takes no new sockets and generations, closes each socket with 1001 when its last
   * generation has ended, and all of them after `deadlineMs`. Resolves when none is left.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    for (const ws of this.#table.all()) if ((ws.data.session?.runningCount ?? 0) === 0) goAway(ws);
    if (this.#table.count === 0) return;
    const cancelDeadline = this.#ports.clock.after(deadlineMs, () => this.#table.all().forEach(goAway));
    await this.#drained.promise;
    cancelDeadline();
  }

  #createHandler(): WebSocketHandler<SocketData> {
    return {
      maxPayloadLength: this.#ports.bodyLimitBytes + ENVELOPE_BYTES,
      idleTimeout: IDLE_SECONDS,
      sendPings: true,
      // Twice ours: past it Bun would lose frames, and the close frame too.
      backpressureLimit: 2 * UNSENT_BYTES,
      closeOnBackpressureLimit: false,
      perMessageDeflate: false,
      open: (ws) => {
        this.#table.add(ws);
        if (this.#drained !== undefined) goAway(ws);
      },
      message: (ws, message) => this.#receive(ws, message),
      drain: (ws) => {
        ws.data.isBlocked = false;
        ws.data.wasBlocked = false;
        ws.data.session?.drained();
      },
      close: (ws) => {
        this.#table.remove(ws);
        ws.data.session?.close();
        if (this.#table.count === 0) this.#drained?.resolve();
      },
      error: (error, ws) => {
        this.#ports.log.error("a WebSocket handler failed", { cause: String(error) });
        closeSocket(ws, CLOSE.internal);
      },
    };
  }

  #receive(ws: Socket, message: string | Uint8Array): void {
    const { codec } = ws.data;
    if ((typeof message !== "string") !== codec.isBinary) {
      const problem = `${codec.subprotocol} takes ${codec.isBinary ? "binary" : "text"} frames only.`;
      this.#refuse(ws, new SluiceError("invalid_request", problem), undefined);
      closeSocket(ws, CLOSE.policy, problem);
      return;
    }
    let value: unknown;
    try {
      value = codec.decode(message);
    } catch (thrown) {
      const problem = `The frame cannot be parsed: ${thrown instanceof Error ? thrown.message : ""}`;
      const refusal = thrown instanceof SluiceError ? thrown : new SluiceError("invalid_json", problem);
      this.#refuse(ws, refusal, undefined);
      closeSocket(ws, CLOSE.unparsable, "the frame cannot be parsed");
      return;
    }
    try {
      this.#handle(ws, value, message);
    } catch (thrown) {
      this.#refuse(ws, asSluiceError(thrown), idOf(value));
    }
  }

  #handle(ws: Socket, value: unknown, message: string | Uint8Array): void {
    const frame = parseFrame(value);
    if (frame.type === "ping") {
      this.#outlet.send(ws, frame.t === undefined ? { type: "pong" } : { type: "pong", t: frame.t });
      return;
    }
    ws.data.session ??= new Session(this.#sessionPorts, ws);
    const { session } = ws.data;
    switch (frame.type) {
      case "generate":
      case "resume":
        session.begin(frame, Buffer.byteLength(message));
        break;
      case "credit":
        session.addCredit(frame.id, frame.events);
        break;
      case "cancel":
        session.cancel(frame.id);
        break;
    }
  }

  async #secretOf(request: Request, offer: Offer): Promise<string> {
    const fromHeader = this.#ports.secretOf(request.headers);
    if (fromHeader !== undefined) return fromHeader;
    const ticket = new URL(request.url).searchParams.get("ticket");
    if (ticket !== null) {
      const secret = await this.#ports.tickets.take(ticket);
      if (secret === undefined) {
        throw new SluiceError("invalid_api_key", "The ticket is unknown, used or expired.");
      }
      return secret;
    }
    if (offer.secret === undefined) throw noKey();
    return offer.secret;
  }

  #refuse(ws: Socket, error: SluiceError, id: string | undefined): void {
    const { error: shape } = this.#ports.shapes.errorBody(error, this.#newRequestId());
    this.#outlet.send(ws, { type: "error", ...(id === undefined ? {} : { id }), error: shape });
  }

  /** The key spends nothing more, and its sockets end. */
  #endKey(key: KeySockets): void {
    const error = new SluiceError("invalid_api_key", "The key is no longer valid.");
    for (const ws of [...key.sockets]) {
      ws.data.session?.cancelAll();
      this.#refuse(ws, error, undefined);
      closeSocket(ws, CLOSE.policy, "the key is no longer valid");
    }
  }

  #newRequestId(): RequestId {
    return requestId(`req_${randomText(this.#ports.random.bytes(24))}`);
  }
}

const dataOf = (codec: Codec, key: KeySockets): SocketData => ({
  codec,
  key,
  session: undefined,
  isBlocked: false,
  wasBlocked: false,
  waiting: undefined,
});

function goAway(ws: Socket): void {
  if (ws.data.session?.hasMoved === true)
    closeSocket(ws, CLOSE.restarting, "the node is stopping; resume elsewhere");
  else closeSocket(ws, CLOSE.goingAway, "the node is stopping; reconnect");
}

const noKey = (): SluiceError =>
  new SluiceError(
    "invalid_api_key",
    "You didn't provide an API key. Send it as a header, as ?ticket= or as the subprotocol sluice.key.<key>.",
  );
