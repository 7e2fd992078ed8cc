import type { Socket } from "bun";

/** Sends bytes that were made before and waits until the answer's last bytes are seen: nothing is read, parsed or kept. */
export interface BareSockets {
  call(request: string, isLast: (bytes: Buffer) => boolean): Promise<void>;
  close(): void;
}

interface Lane {
  isLast(bytes: Buffer): boolean;
  done(): void;
}

/** What no client over Bun's sockets can be below. */
export function bareSockets(hostname: string, port: number): BareSockets {
  const unused: Socket<Lane>[] = [];
  const open = new Set<Socket<Lane>>();
  const connect = (): Promise<Socket<Lane>> =>
    Bun.connect<Lane>({
      hostname,
      port,
      data: { isLast: () => false, done() {} },
      socket: {
        open: (socket) => void open.add(socket),
        data(socket, bytes) {
          if (!socket.data.isLast(bytes)) return;
          unused.push(socket);
          socket.data.done();
        },
      },
    });
  return {
    async call(request, isLast) {
      const socket = unused.pop() ?? (await connect());
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.data = { isLast, done: resolve };
      socket.write(request);
      return promise;
    },
    close() {
      for (const socket of open) socket.end();
    },
  };
}
