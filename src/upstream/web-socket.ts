import type { Dial, SocketCall, SocketEars, SocketEnd } from "../adapters/realtime-adapter.ts";

/** WebSockets to vendors (RFC 6455). */
export interface WebSocketUpstream {
  readonly dial: Dial;
  /** Drops all that are open. */
  close(): void;
}

/** How long a vendor's close is waited for before its connection is dropped. */
const CLOSE_MS = 1_000;

/** @param after runs something once later; the answer calls it off */
export function createWebSocketUpstream(
  after: (ms: number, run: () => void) => () => void,
): WebSocketUpstream {
  const open = new Set<Connection>();
  return {
    dial(call, ears) {
      const connection = new Connection(call, ears, after, () => open.delete(connection));
      open.add(connection);
      return connection;
    },
    close() {
      for (const connection of open) connection.drop();
    },
  };
}

class Connection implements SocketEnd {
  readonly #socket: WebSocket;
  #stopWaiting: (() => void) | undefined;
  #isOver = false;

  constructor(
    { url, headers }: SocketCall,
    readonly ears: SocketEars,
    readonly after: (ms: number, run: () => void) => () => void,
    readonly gone: () => void,
  ) {
    // What is compressed would have to be held whole to be looked at.
    const socket = new WebSocket(url, { headers, perMessageDeflate: false });
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => ears.opened();
    socket.onmessage = ({ data }) => (typeof data === "string" ? ears.frame(data) : ears.binary());
    socket.onclose = ({ code, reason }) => this.#over(code, reason);
    // A close follows, which says all there is.
    socket.onerror = () => {};
  }

  get unsentBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(code: number, reason: string): void {
    if (this.#isOver) return;
    if (this.#socket.readyState !== WebSocket.OPEN) {
      this.drop();
      return;
    }
    // A paused connection would never read the vendor's close.
    this.#socket.resume();
    this.#socket.close(code, reason);
    this.#stopWaiting ??= this.after(CLOSE_MS, () => this.drop());
  }

  drop(): void {
    if (this.#isOver) return;
    this.#socket.terminate();
    this.#over(1006, "");
  }

  #over(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopWaiting?.();
    this.gone();
    this.ears.closed(code, reason);
  }
}
