import type { Socket } from "bun";

/** One read that held whole events. */
export interface Arrival {
  readonly at: number;
  /** Tokens that have come by then. */
  readonly tokens: number;
}

/** What one reader saw of its stream. */
export interface Watched {
  /** Milliseconds from the request to its first event; undefined: there was none. */
  readonly firstMs: number | undefined;
  readonly arrivals: readonly Arrival[];
}

export interface Readers {
  /** All of them, as they stand. */
  readonly watched: readonly Watched[];
  /** Hangs up. */
  stop(): void;
}

interface Reader {
  readonly startedAt: number;
  readonly arrivals: Arrival[];
  /** What came of an event that is not whole yet. */
  rest: string;
}

/** Streams come by and by, 500 a second: what a burst takes to be opened is not what running streams hold. */
const AT_ONCE = 50;
const BETWEEN_MS = 100;

/** The mock vendor's tokens are words behind a space each; an event may hold several. */
const CONTENT = /"content":"((?: [a-z]+)+)"/g;

/**
 * Opens so many resumable streams, each over a connection of its own, and notes when events come. On bare sockets, so
 * that the readers cost little of the machine that they share with what is measured.
 */
export async function openReaders(url: string, key: string, model: string, count: number): Promise<Readers> {
  const { hostname, port, host } = new URL(url);
  const body = JSON.stringify({
    model,
    stream: true,
    max_tokens: 1_000,
    messages: [{ role: "user", content: "?" }],
  });
  const request = [
    "POST /v1/chat/completions HTTP/1.1",
    `host: ${host}`,
    `authorization: Bearer ${key}`,
    "content-type: application/json",
    "x-sluice-resumable: true",
    "x-sluice-detach: 0",
    `content-length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
  const open = () =>
    Bun.connect<Reader>({
      hostname,
      port: Number(port),
      data: { startedAt: performance.now(), arrivals: [], rest: "" },
      socket: { open: (socket) => void socket.write(request), data: note },
    });
  const sockets: Socket<Reader>[] = [];
  while (sockets.length < count) {
    const more = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: more }, open))));
    await Bun.sleep(BETWEEN_MS);
  }
  return {
    watched: sockets.map(({ data: { startedAt, arrivals } }) => ({
      get firstMs() {
        const [first] = arrivals;
        return first === undefined ? undefined : first.at - startedAt;
      },
      arrivals,
    })),
    stop() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

function note({ data }: Socket<Reader>, bytes: Buffer): void {
  const text = data.rest + bytes.toString("latin1");
  const whole = text.lastIndexOf("\n\n") + 2;
  if (whole < 2) {
    data.rest = text;
    return;
  }
  data.rest = text.slice(whole);
  let tokens = data.arrivals.at(-1)?.tokens ?? 0;
  for (const [, words = ""] of text.slice(0, whole).matchAll(CONTENT)) tokens += words.split(" ").length - 1;
  if (tokens > 0) data.arrivals.push({ at: performance.now(), tokens });
}
