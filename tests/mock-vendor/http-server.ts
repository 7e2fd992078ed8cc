import type { Socket, TCPSocketListener } from "bun";

/**
 * HTTP/1.1 over a bare socket: a well-behaved server cannot break off inside a chunk, answer nothing, or
 * write a body byte by byte. Reads requests with a length or in chunks; one at a time on a connection.
 */
export interface HttpServer {
  readonly port: number;
  /** Connections accepted since the start, and open now. */
  readonly connections: { readonly accepted: number; readonly open: number };
  /** Closes every connection. */
  stop(): void;
}

export interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Where an answer is written to. After the client is gone writes are dropped. */
export interface Outgoing {
  /** Which answer of its connection it is, from 1. */
  readonly turn: number;
  readonly isGone: boolean;
  /** Resolves when the client is gone before the answer was over. */
  readonly gone: Promise<void>;
  write(bytes: Uint8Array | string): void;
  /** The answer is over; the connection waits for the next request. */
  done(): void;
  /** Ends the connection: in order, or with a reset. What was written goes out first. */
  close(how: "close" | "reset"): void;
}

export type Handler = (request: Incoming, answer: Outgoing) => Promise<void>;

interface Connection {
  input: Uint8Array[];
  inputBytes: number;
  /** Requests that were read. */
  turns: number;
  /** So many bytes must be there before it is worth looking again: large bodies come in many pieces. */
  wantedBytes: number;
  /** Written, but not taken by the kernel yet. */
  output: Uint8Array[];
  /** Runs once everything is out. */
  whenOut: (() => void) | undefined;
  /** The answer that is being written. */
  current: { leave(): void } | undefined;
  isOpen: boolean;
}

type ClientSocket = Socket<Connection>;

const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

/** @param port absent: a free one */
export function serveHttp(handle: Handler, port = 0): HttpServer {
  const open = new Set<ClientSocket>();
  let accepted = 0;
  const listener: TCPSocketListener<Connection> = Bun.listen<Connection>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        accepted += 1;
        open.add(socket);
        socket.setNoDelay(true);
        socket.data = {
          input: [],
          inputBytes: 0,
          turns: 0,
          wantedBytes: 0,
          output: [],
          whenOut: undefined,
          current: undefined,
          isOpen: true,
        };
      },
      data(socket, chunk) {
        const { data } = socket;
        data.inputBytes += chunk.length;
        if (data.inputBytes > MAX_REQUEST_BYTES) return void socket.terminate();
        data.input.push(Uint8Array.from(chunk));
        takeRequest(socket, handle);
      },
      drain: flush,
      end: (socket) => void socket.end(),
      close(socket) {
        open.delete(socket);
        socket.data.isOpen = false;
        socket.data.current?.leave();
      },
    },
  });
  return {
    port: listener.port,
    get connections() {
      return { accepted, open: open.size };
    },
    stop() {
      listener.stop(true);
      for (const socket of open) socket.terminate();
    },
  };
}

function takeRequest(socket: ClientSocket, handle: Handler): void {
  const { data } = socket;
  if (data.current !== undefined || data.inputBytes < data.wantedBytes) return;
  const bytes = Buffer.concat(data.input);
  const read = readRequestBytes(bytes);
  const rest = bytes.subarray(typeof read === "number" ? 0 : read.length);
  data.input = [rest];
  data.inputBytes = rest.length;
  data.wantedBytes = typeof read === "number" ? read : 0;
  if (typeof read === "number") return;
  const gone = Promise.withResolvers<void>();
  data.turns += 1;
  let isOver = false;
  const over = (): void => {
    isOver = true;
    data.current = undefined;
  };
  data.current = { leave: gone.resolve };
  const answer: Outgoing = {
    turn: data.turns,
    get isGone() {
      return !data.isOpen;
    },
    gone: gone.promise,
    write(bytes) {
      if (!data.isOpen || isOver) return;
      data.output.push(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
      flush(socket);
    },
    done() {
      if (isOver) return;
      over();
      takeRequest(socket, handle);
    },
    close(how) {
      if (isOver) return;
      over();
      data.whenOut = () => (how === "reset" ? socket.terminate() : socket.end());
      flush(socket);
    },
  };
  handle(read.request, answer).catch((error: unknown) => {
    answer.close("reset");
    throw error;
  });
}

function flush(socket: ClientSocket): void {
  const { data } = socket;
  while (data.isOpen) {
    const [next] = data.output;
    if (next === undefined) break;
    const taken = Math.max(0, socket.write(next));
    if (taken < next.length) {
      data.output[0] = next.subarray(taken);
      return;
    }
    data.output.shift();
  }
  if (data.isOpen && data.whenOut !== undefined) {
    const run = data.whenOut;
    data.whenOut = undefined;
    run();
  }
}

/** The first whole request in the bytes and how many of them it is; or how many it needs at least. */
function readRequestBytes(view: Buffer): { request: Incoming; length: number } | number {
  const headEnd = view.indexOf("\r\n\r\n");
  if (headEnd < 0) return 0;
  const [first = "", ...lines] = view.toString("latin1", 0, headEnd).split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const start = headEnd + 4;
  if (/\bchunked\b/i.test(headers.get("transfer-encoding") ?? "")) {
    const body = readChunks(view, start);
    if (body === undefined) return 0;
    return { request: { method, path, headers, body: body.bytes }, length: body.end };
  }
  const end = start + Number(headers.get("content-length") ?? 0);
  if (view.length < end) return end;
  return { request: { method, path, headers, body: view.subarray(start, end) }, length: end };
}

function readChunks(view: Buffer, start: number): { bytes: Uint8Array; end: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = view.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(view.toString("latin1", at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (view.length < next) return undefined;
    if (size === 0) return { bytes: Buffer.concat(parts), end: next };
    parts.push(view.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}
