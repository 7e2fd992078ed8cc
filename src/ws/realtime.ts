import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import { type RequestId, randomText, requestId } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import type { Caller, Gateway, Started } from "../gateway/gateway.ts";
import type { Conversation } from "../gateway/realtime/conversation.ts";
import type { ConversationEnd } from "../gateway/realtime/endings.ts";
import type { Realtime } from "../gateway/realtime/realtime.ts";
import { requireUpgrade } from "./handshake.ts";
import type { TicketStore } from "./tickets.ts";

export interface RealtimeSocketPorts {
  readonly random: Random;
  readonly gateway: Pick<Gateway, "authenticate">;
  readonly realtime: Realtime;
  readonly tickets: TicketStore;
  /** The key in a request's headers, wherever the dialects put it. */
  secretOf(headers: Headers): string | undefined;
  errorResponse(error: SluiceError, requestId: RequestId): Response;
  errorBody(error: SluiceError, requestId: RequestId): { readonly error: object };
  headersOf(started: Started): Record<string, string>;
}

/** What a socket of a conversation carries. */
export interface RealtimeSocketData {
  readonly conversation: Conversation;
}

type Socket = ServerWebSocket<RealtimeSocketData>;

const PATH = "/v1/realtime";
/** As OpenAI's browser clients send a key; the protocol itself is `realtime`. */
const KEY_PREFIX = "openai-insecure-api-key.";
const SUBPROTOCOL = "realtime";
const NO_STATUS = 1005;
/** A close's reason has at most 123 bytes (RFC 6455, section 5.5). */
const REASON_CHARS = 40;

/** `GET /v1/realtime?model=`: OpenAI's Realtime API, frame by frame between a client and a vendor. */
export class RealtimeSockets {
  constructor(readonly ports: RealtimeSocketPorts) {}

  /**
   * Opens the conversation at a vendor, then turns the request into a WebSocket. The key comes in a header, as `?ticket=`,
   * or as the subprotocol `openai-insecure-api-key.<key>`.
   * @returns undefined when upgraded, else the answer that says why not
   */
  async upgrade(request: Request, server: Server<RealtimeSocketData>): Promise<Response | undefined> {
    const id = requestId(`req_${randomText(this.ports.random.bytes(24))}`);
    try {
      requireUpgrade(request.headers);
      const offered = protocolsIn(request.headers);
      const query = new URL(request.url).searchParams;
      const secret = await this.#secretOf(request, offered, query);
      const address = server.requestIP(request)?.address ?? "";
      const isStillGood = () => this.ports.gateway.authenticate({ secret, address }, "realtime");
      const caller = await isStillGood();
      const conversation = await this.#open(caller, query, id, request.signal, isStillGood);
      const headers = {
        ...this.ports.headersOf(conversation.started),
        // Always given: Bun would answer the first protocol that was offered, which may be the key.
        "sec-websocket-protocol": offered.includes(SUBPROTOCOL) ? SUBPROTOCOL : "",
      };
      if (server.upgrade(request, { data: { conversation }, headers })) return undefined;
      conversation.clientClosed(1006);
      throw new SluiceError("invalid_request", "The request is no valid WebSocket handshake.");
    } catch (thrown) {
      return this.ports.errorResponse(asSluiceError(thrown), id);
    }
  }

  async #open(
    caller: Caller,
    query: URLSearchParams,
    id: RequestId,
    signal: AbortSignal,
    isStillGood: () => unknown,
  ): Promise<Conversation> {
    const model = query.get("model");
    if (model === null || model === "") {
      throw new SluiceError("invalid_request", "Missing required parameter: 'model'.", { param: "model" });
    }
    for (const name of ["intent", "call_id"]) {
      if (!query.has(name)) continue;
      const message = `'${name}' is not served here: a conversation is with a model.`;
      throw new SluiceError("unsupported_parameter", message, { param: name });
    }
    const options = { requestId: id, path: PATH, signal, isStillGood };
    return this.ports.realtime.open(caller, model, options);
  }

  async #secretOf(request: Request, offered: readonly string[], query: URLSearchParams): Promise<string> {
    const fromHeader = this.ports.secretOf(request.headers);
    if (fromHeader !== undefined) return fromHeader;
    const ticket = query.get("ticket");
    if (ticket !== null) {
      const secret = await this.ports.tickets.take(ticket);
      if (secret === undefined) {
        throw new SluiceError("invalid_api_key", "The ticket is unknown, used or expired.");
      }
      return secret;
    }
    const key = offered.find((name) => name.startsWith(KEY_PREFIX))?.slice(KEY_PREFIX.length);
    if (key !== undefined && key !== "") return key;
    const ways = `as a header, as ?ticket= or as the subprotocol ${KEY_PREFIX}<key>`;
    throw new SluiceError("invalid_api_key", `You didn't provide an API key. Send it ${ways}.`);
  }

  open(ws: Socket): void {
    const { conversation } = ws.data;
    const { requestId: id } = conversation.started;
    conversation.attach({
      // 0: dropped; -1: queued.
      send: (frame) => ws.sendText(frame) !== 0,
      tell: (error) => void ws.sendText(this.#event(error, id)),
      get unsentBytes() {
        return ws.getBufferedAmount();
      },
      pause: () => ws.pause(),
      resume: () => ws.resume(),
      end: (ending) => this.#end(ws, ending, id),
    });
  }

  message(ws: Socket, message: string | Uint8Array): void {
    if (typeof message === "string") {
      ws.data.conversation.fromClient(message);
      return;
    }
    const error = new SluiceError("invalid_request", "Conversations take text frames only.");
    ws.sendText(this.#event(error, ws.data.conversation.started.requestId));
  }

  drain(ws: Socket): void {
    ws.data.conversation.clientDrained();
  }

  close(ws: Socket, code: number): void {
    ws.data.conversation.clientClosed(code);
  }

  #end(ws: Socket, { code, reason, error }: ConversationEnd, id: RequestId): void {
    if (ws.readyState !== WebSocket.OPEN) return;
    if (error !== undefined) ws.sendText(this.#event(error, id));
    if (code === NO_STATUS) ws.close();
    else ws.close(code, reason.slice(0, REASON_CHARS));
  }

  /** An error as OpenAI's server event has it. */
  #event(error: SluiceError, id: RequestId): string {
    const { error: shape } = this.ports.errorBody(error, id);
    const event_id = `event_${randomText(this.ports.random.bytes(16))}`;
    return JSON.stringify({ type: "error", event_id, error: { ...shape, event_id: null } });
  }
}

const protocolsIn = (headers: Headers): readonly string[] =>
  (headers.get("sec-websocket-protocol") ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

/** One handler for both kinds of sockets of a server: each finds itself by what it carries. */
export function bothKinds<Other extends object>(
  realtime: RealtimeSockets,
  other: WebSocketHandler<Other>,
): WebSocketHandler<Other | RealtimeSocketData> {
  const isRealtime = (ws: ServerWebSocket<Other | RealtimeSocketData>): ws is Socket =>
    "conversation" in ws.data;
  // What carries no conversation is of the other kind; Bun's type of a socket does not narrow by its data.
  const theOther = (ws: ServerWebSocket<Other | RealtimeSocketData>) => ws as ServerWebSocket<Other>;
  return {
    ...other,
    open: (ws) => (isRealtime(ws) ? realtime.open(ws) : other.open?.(theOther(ws))),
    message: (ws, message) =>
      isRealtime(ws) ? realtime.message(ws, message) : other.message?.(theOther(ws), message),
    drain: (ws) => (isRealtime(ws) ? realtime.drain(ws) : other.drain?.(theOther(ws))),
    close: (ws, code, reason) =>
      isRealtime(ws) ? realtime.close(ws, code) : other.close?.(theOther(ws), code, reason),
    error: (error, ws) => {
      if (ws !== undefined && isRealtime(ws)) ws.close(1011);
      else other.error?.(error, ws as ServerWebSocket<Other>);
    },
  };
}
