import type { ServerWebSocket } from "bun";
import type { Clock } from "../core/clock.ts";
import { UNSENT_BYTES } from "../core/limits.ts";
import type { Codec, Message } from "./codec.ts";
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
  /** Frames that leave at the end of this turn of the event loop; undefined between turns. */
  waiting: Message[] | undefined;
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

/** More frames than this do not wait for each other, and a longer one waits for nobody: what waits is held. */
const FRAMES_A_WRITE = 32;
/** In UTF-16 units or bytes; Bun joins what comes to 16 KiB. */
const WAITING_LENGTH = 4 * 1024;

export const isOpen = (ws: Socket): boolean => ws.readyState === WebSocket.OPEN;

/**
 * The way out of a node's sockets. What several streams of one socket say in one turn of the event loop leaves in one
 * write, each frame as a message of its own, and so does what a stream is behind with; else there is nothing to wait for.
 */
export class Outlet {
  readonly #clock: Pick<Clock, "soon">;
  /** With frames that wait for the end of the turn. */
  #due: Socket[] = [];
  readonly #endTurn = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const ws of due) {
      writeWaiting(ws);
      ws.data.waiting = undefined;
    }
  };

  constructor(clock: Pick<Clock, "soon">) {
    this.#clock = clock;
  }

  /**
   * Sends one frame. Answers false when the socket is closed, or was closed here because its client leaves
   * more than UNSENT_BYTES unread.
   * @param isFollowed its stream has more to say at once
   */
  send(ws: Socket, frame: ServerFrame, isFollowed = false): boolean {
    if (!isOpen(ws)) return false;
    const { data } = ws;
    const message = data.codec.encode(frame);
    if (data.waiting === undefined) {
      const isAlone = data.session === undefined || data.session.runningCount < 2;
      if (isAlone && !isFollowed) return write(ws, message);
      data.waiting = [];
      this.#due.push(ws);
      if (this.#due.length === 1) this.#clock.soon(this.#endTurn);
    }
    data.waiting.push(message);
    if (data.waiting.length < FRAMES_A_WRITE && message.length <= WAITING_LENGTH) return true;
    writeWaiting(ws);
    return isOpen(ws);
  }
}

function write(ws: Socket, message: Message): boolean {
  // 0: dropped, which the limit given to Bun makes impossible before ours is passed. -1: queued.
  return transmit(ws, message) > 0 || !blocks(ws);
}

/** Bun writes what was sent within `cork` when that returns, and only then knows whether it could. */
function writeWaiting(ws: Socket): void {
  if (!isOpen(ws)) return;
  ws.cork(transmitWaiting);
  if (ws.getBufferedAmount() > 0) blocks(ws);
}

function transmitWaiting(ws: Socket): void {
  const { waiting } = ws.data;
  if (waiting === undefined) return;
  for (const message of waiting) transmit(ws, message);
  waiting.length = 0;
}

const transmit = (ws: Socket, message: Message): number =>
  typeof message === "string" ? ws.sendText(message) : ws.sendBinary(message);

/** Notes that Bun holds unsent bytes; true when they were too many and the socket was closed. */
function blocks(ws: Socket): boolean {
  ws.data.isBlocked = true;
  if (ws.getBufferedAmount() <= UNSENT_BYTES) return false;
  closeTooSlow(ws);
  return true;
}

/** Ends the socket behind all that was sent. */
export function closeSocket(ws: Socket, code: number, reason?: string): void {
  if (ws.data.waiting !== undefined) writeWaiting(ws);
  ws.close(code, reason);
}

/** Ends the socket of a client that does not read; what it had running goes on for those who resume it. */
export function closeTooSlow(ws: Socket): void {
  ws.close(CLOSE.tooSlow, "reads too slowly; its streams can be resumed");
}
