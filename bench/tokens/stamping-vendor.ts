import type { Socket } from "bun";
import { STAMP, STAMP_MODEL, wallMs } from "./stamp.ts";

/**
 * A vendor whose tokens say when they were written, for as many streams as one core can write: bare sockets, and one text
 * for all streams that are due in a turn. `bun bench/tokens/stamping-vendor.ts TOKENS RATE`: so many a stream, so many a
 * second.
 */
const TOKENS = Number(process.argv[2]);
const RATE = Number(process.argv[3]);
/** Streams are spread over so many turns of a period, so that they do not come in bursts. */
const PHASES = 20;

interface Connection {
  readonly phase: number;
  request: Buffer;
  /** Of the running stream; undefined: none runs. */
  told: number | undefined;
  /** What the socket did not take. */
  unsent: Buffer;
}

const PROMPT_TOKENS = 12;
const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const frameOf = (delta: object, finish: string | null): string =>
  `data: ${JSON.stringify({
    id: "chatcmpl-bench",
    object: "chat.completion.chunk",
    created: 1_770_933_892,
    model: STAMP_MODEL,
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;
const [BEFORE = "", AFTER = ""] = frameOf({ content: " STAMP" }, null).split("STAMP");
const USAGE = {
  prompt_tokens: PROMPT_TOKENS,
  completion_tokens: TOKENS,
  total_tokens: PROMPT_TOKENS + TOKENS,
};
const usageFrame = `data: ${JSON.stringify({ id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1, model: STAMP_MODEL, choices: [], usage: USAGE })}\n\n`;
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const END = Buffer.from(`${chunk(`${frameOf({}, "stop")}${usageFrame}data: [DONE]\n\n`)}0\r\n\r\n`);

const running = Array.from({ length: PHASES }, () => new Set<Socket<Connection>>());
let connections = 0;

const server = Bun.listen<Connection>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      connections += 1;
      const nothing = Buffer.alloc(0);
      socket.data = { phase: connections % PHASES, request: nothing, told: undefined, unsent: nothing };
    },
    data(socket, bytes) {
      const { data } = socket;
      data.request = data.request.length === 0 ? Buffer.from(bytes) : Buffer.concat([data.request, bytes]);
      const end = data.request.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = data.request.toString("latin1", 0, end);
      const length = Number(/content-length:\s*(\d+)/i.exec(head)?.[1] ?? 0);
      if (data.request.length < end + 4 + length) return;
      data.request = Buffer.alloc(0);
      data.told = 0;
      write(socket, Buffer.from(HEAD));
      running[data.phase]?.add(socket);
    },
    drain(socket) {
      const { unsent } = socket.data;
      socket.data.unsent = Buffer.alloc(0);
      write(socket, unsent);
    },
    close(socket) {
      running[socket.data.phase]?.delete(socket);
    },
  },
});

function write(socket: Socket<Connection>, bytes: Buffer): void {
  const { data } = socket;
  if (data.unsent.length > 0) {
    data.unsent = Buffer.concat([data.unsent, bytes]);
    return;
  }
  const sent = Math.max(0, socket.write(bytes));
  if (sent < bytes.length) data.unsent = Buffer.from(bytes.subarray(sent));
}

let turns = 0;
const startedAt = performance.now();
setInterval(() => {
  // As many turns as are due: a timer that was late must not slow the streams down.
  const due = Math.floor(((performance.now() - startedAt) / 1000) * RATE * PHASES);
  for (; turns < due; turns += 1) {
    const streams = running[turns % PHASES];
    if (streams === undefined || streams.size === 0) continue;
    const token = Buffer.from(chunk(`${BEFORE}${STAMP}${wallMs().toFixed(3)}${AFTER}`));
    for (const socket of streams) tell(socket, token, streams);
  }
}, 1);

function tell(socket: Socket<Connection>, token: Buffer, streams: Set<Socket<Connection>>): void {
  const { data } = socket;
  data.told = (data.told ?? 0) + 1;
  write(socket, token);
  if (data.told < TOKENS) return;
  data.told = undefined;
  streams.delete(socket);
  write(socket, END);
}

console.log(`listening on http://127.0.0.1:${server.port}`);
