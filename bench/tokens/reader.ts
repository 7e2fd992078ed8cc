import type { Socket } from "bun";
import { type Percentiles, percentilesOf } from "../statistics.ts";
import { STAMP, STAMP_MODEL, wallMs } from "./stamp.ts";

/** What a reader process is to do; its only argument, as JSON. */
export interface ReaderPlan {
  readonly url: string;
  readonly key: string;
  readonly streams: number;
  /** Of each stream. */
  readonly tokens: number;
  /** Opening of all takes so long. */
  readonly openMs: number;
}

/** Its only output, as JSON. */
export interface ReaderResult {
  /** Milliseconds from a token's writing to its reading, once all streams run. */
  readonly delay: Percentiles;
  readonly tokens: number;
  /** Streams that ended with all their tokens and their end marker. */
  readonly whole: number;
}

interface Reading {
  seen: number;
  isOver: boolean;
  /** The end of what came last: a token may be cut. */
  tail: string;
}

const MARK = STAMP;
/** The longest piece that a stamp can be cut in. */
const TAIL_CHARACTERS = 40;
/** Beyond what the streams themselves take. */
const GRACE_MS = 20_000;

if (import.meta.main) {
  const plan: ReaderPlan = JSON.parse(process.argv[2] ?? "");
  console.log(JSON.stringify(await readAll(plan)));
  process.exit();
}

async function readAll({ url, key, streams, tokens, openMs }: ReaderPlan): Promise<ReaderResult> {
  const { hostname, port, host } = new URL(url);
  const body = JSON.stringify({
    model: STAMP_MODEL,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: tokens,
    messages: [{ role: "user", content: "Count." }],
  });
  const request =
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${key}\r\n` +
    `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const delays: number[] = [];
  const readings: Reading[] = [];
  const over = Promise.withResolvers<void>();
  let isMeasuring = false;
  let left = streams;
  const end = (reading: Reading): void => {
    if (reading.isOver) return;
    reading.isOver = true;
    left -= 1;
    // As soon as one is over, not all run any more.
    isMeasuring = false;
    if (left === 0) over.resolve();
  };
  const note = (socket: Socket<Reading>, bytes: Buffer): void => {
    const now = wallMs();
    const reading = socket.data;
    const text = reading.tail + bytes.toString("latin1");
    let from = 0;
    for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, from)) {
      const close = text.indexOf('"', at);
      if (close < 0) break;
      reading.seen += 1;
      if (isMeasuring) delays.push(now - Number(text.slice(at + 1, close)));
      from = close;
    }
    if (text.includes("data: [DONE]", from)) end(reading);
    // What is kept must not be read twice.
    reading.tail = text.slice(Math.max(from, text.length - TAIL_CHARACTERS));
  };
  const deadline = setTimeout(() => over.resolve(), GRACE_MS + openMs * 20 + tokens * 100);
  for (let opened = 0; opened < streams; opened += 1) {
    const reading: Reading = { seen: 0, isOver: false, tail: "" };
    readings.push(reading);
    await Bun.connect<Reading>({
      hostname,
      port: Number(port),
      data: reading,
      socket: {
        open: (socket) => void socket.write(request),
        data: note,
        close: (socket) => end(socket.data),
      },
    });
    if (opened % 10 === 9) await Bun.sleep((openMs / streams) * 10);
  }
  await Bun.sleep(1_000);
  isMeasuring = left === streams;
  await over.promise;
  clearTimeout(deadline);
  return {
    delay: percentilesOf(delays),
    tokens: delays.length,
    whole: readings.filter(({ seen, isOver }) => isOver && seen === tokens).length,
  };
}
