import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The network between a node and one server that it needs, to be interfered with. */
export interface Network {
  readonly port: number;
  /** Resets what is connected and refuses what comes, until it is healed. */
  cut(): void;
  /** Drops what is connected; what comes next is let through. */
  reset(): void;
  /** Keeps connections and lets nothing through them. */
  stall(): void;
  heal(): void;
  close(): void;
}

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Opens a port on the loopback that leads to the address. */
export async function startNetwork({ hostname, port }: Address): Promise<Network> {
  const sockets = new Set<Socket>();
  let state: "open" | "cut" | "stalled" = "open";

  const keep = (socket: Socket, other: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      if (!other.write(bytes)) socket.pause();
    });
    other.on("drain", () => {
      if (state !== "stalled") socket.resume();
    });
    socket.on("end", () => other.end());
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
    if (state === "stalled") socket.pause();
  };
  const server = createServer((client) => {
    if (state === "cut") {
      client.destroy();
      return;
    }
    const upstream = connect({ host: hostname, port });
    keep(client, upstream);
    keep(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port
    cut() {
      state = "cut";
      for (const socket of sockets) socket.destroy();
    },
    reset() {
      for (const socket of sockets) socket.destroy();
    },
    stall() {
      state = "stalled";
      for (const socket of sockets) socket.pause();
    },
    heal() {
      state = "open";
      for (const socket of sockets) socket.resume();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
