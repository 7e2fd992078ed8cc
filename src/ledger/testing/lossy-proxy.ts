import type { Socket } from "bun";
import type { Random } from "../../core/random.ts";

export interface LossyProxy {
  /** The database, through the proxy. */
  readonly url: string;
  /** Answers that the server gave and nobody received. */
  readonly lost: number;
  close(): void;
}

interface Pair {
  upstream: Socket<undefined> | undefined;
  /** Sent before the upstream was there. */
  readonly early: Buffer[];
}

/**
 * Stands between the ledger and Postgres and cuts connections at the worst moment: the server has done what it was
 * told, committed it, and answered; the answer does not arrive.
 * @param lose how likely an answer is lost
 */
export function lossyProxy(database: string, random: Random, lose: number): LossyProxy {
  const target = new URL(database);
  let lost = 0;
  const listener = Bun.listen<Pair>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(client) {
        client.data = { upstream: undefined, early: [] };
        // Those of the handshake get through, else nothing ever would.
        let answers = 0;
        Bun.connect({
          hostname: target.hostname,
          port: Number(target.port),
          socket: {
            open(upstream) {
              client.data.upstream = upstream;
              for (const bytes of client.data.early) upstream.write(bytes);
            },
            data(upstream, bytes) {
              answers += 1;
              if (answers > 4 && random.next() < lose) {
                lost += 1;
                upstream.terminate();
                client.terminate();
              } else {
                client.write(bytes);
              }
            },
            close: () => void client.end(),
          },
        }).catch(() => client.terminate());
      },
      data(client, bytes) {
        const { upstream, early } = client.data;
        if (upstream === undefined) early.push(Buffer.from(bytes));
        else upstream.write(bytes);
      },
      close: (client) => void client.data.upstream?.end(),
    },
  });
  const url = new URL(database);
  url.hostname = "127.0.0.1";
  url.port = String(listener.port);
  return {
    url: url.href,
    get lost() {
      return lost;
    },
    close: () => listener.stop(true),
  };
}
