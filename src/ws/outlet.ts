import type { ServerWebSocket } from "bun";
import { UNSENT_BYTES } from "../core/limits.ts";
import type { Codec } from "./codec.ts";
import type { ServerFrame } from "./protocol.ts";
import type { Session } from "./session.ts";

/** All sockets of one key: the key is kept once, and losing it ends them together. */
export interface KeySockets {
  readonly secret: string;
  readonly sockets: Set<Socket>;
}

/** What every socket carries. Idle ones must stay small: everything else is made when it is first needed. */
export interface SocketData {
  readonly codec: Codec;
  key: KeySockets;
  session: Session | undefined;
  /** Bun holds unsent bytes; ends with `drain`. */
  isBlocked: boolean;
  /** Has been blocked since before the last look at all sockets. */
  wasBlocked: boolean;
}

export type Socket = ServerWebSocket<SocketData>;

/** RFC 6455, section 7.4.1. */
export const CLOSE = {
  goingAway: 1001,
  unparsable: 1007,
  policy: 1008,
  internal: 1011,
  /** Service restart: what ran here can be resumed over a new socket. */
  restarting: 1012,
  tooSlow: 1013,
} as const;

export const isOpen = (ws: Socket): boolean => ws.readyState === WebSocket.OPEN;

/**
 * Sends one frame. Answers false when the socket is closed, or was closed here because its client leaves
 * more than UNSENT_BYTES unread.
 */
export function sendFrame(ws: Socket, frame: ServerFrame): boolean {
  if (!isOpen(ws)) return false;
  const message = ws.data.codec.encode(frame);
  const sent = typeof message === "string" ? ws.sendText(message) : ws.sendBinary(message);
  // 0: dropped, which the limit given to Bun makes impossible before ours is passed. -1: queued.
  if (sent > 0) return true;
  ws.data.isBlocked = true;
  if (sent === -1 && ws.getBufferedAmount() <= UNSENT_BYTES) return true;
  closeTooSlow(ws);
  return false;
}

/** Ends the socket of a client that does not read; what it had running goes on for those who resume it. */
export function closeTooSlow(ws: Socket): void {
  ws.close(CLOSE.tooSlow, "reads too slowly; its streams can be resumed");
}
