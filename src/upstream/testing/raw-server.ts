import type { Socket } from "bun";

/** A server whose answers a test writes byte by byte, on a free port of the loopback. */
export interface RawServer extends Disposable {
  readonly url: string;
  readonly port: number;
  /** Connections that were ever accepted. */
  readonly accepted: number;
  /** Whole requests that came in. */
  readonly requests: readonly string[];
  /** Those that are open. */
  readonly peers: ReadonlySet<Peer>;
}

export interface Peer {
  send(text: string | Uint8Array): void;
  /** Closes in good order. */
  close(): void;
  reset(): void;
  /** Resolves when the client is gone. */
  readonly gone: Promise<void>;
  /** Requests on this connection, this one included. */
  readonly count: number;
}

/** @param answer called with each whole request; `unasked` with each new connection */
export function rawServer(
  answer: (peer: Peer, request: string) => void,
  unasked: (peer: Peer) => void = () => {},
): RawServer {
  const peers = new Set<RawPeer>();
  const requests: string[] = [];
  let accepted = 0;
  const listener = Bun.listen<RawPeer>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        accepted += 1;
        socket.data = new RawPeer(socket);
        peers.add(socket.data);
        unasked(socket.data);
      },
      data(socket, bytes) {
        for (const request of socket.data.received(bytes)) {
          requests.push(request);
          answer(socket.data, request);
        }
      },
      drain: (socket) => socket.data.flush(),
      close(socket) {
        peers.delete(socket.data);
        socket.data.left();
      },
    },
  });
  return {
    url: `http://127.0.0.1:${listener.port}/v1`,
    port: listener.port,
    get accepted() {
      return accepted;
    },
    requests,
    peers,
    [Symbol.dispose]: () => listener.stop(true),
  };
}

class RawPeer implements Peer {
  count = 0;
  readonly gone: Promise<void>;
  left: () => void = () => {};
  #unread = Buffer.alloc(0);
  #unsent = Buffer.alloc(0);
  #closes = false;

  constructor(readonly socket: Socket<RawPeer>) {
    this.gone = new Promise((resolve) => {
      this.left = resolve;
    });
  }

  send(text: string | Uint8Array): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(text as string)]); // either is a Buffer's source
    this.flush();
  }

  flush(): void {
    const written = this.socket.write(this.#unsent);
    if (written > 0) this.#unsent = this.#unsent.subarray(written);
    if (this.#closes && this.#unsent.length === 0) this.socket.end();
  }

  close(): void {
    this.#closes = true;
    this.flush();
  }

  reset(): void {
    this.socket.terminate();
  }

  /** Whole requests among what came. */
  *received(bytes: Buffer): Generator<string> {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const end = this.#unread.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = this.#unread.toString("latin1", 0, end + 4);
      const length = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (this.#unread.length < length) return;
      const request = this.#unread.toString("latin1", 0, length);
      this.#unread = this.#unread.subarray(length);
      this.count += 1;
      yield request;
    }
  }
}
