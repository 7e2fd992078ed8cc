import type { Gateway } from "../../tests/gateway.ts";
import { serveHttp } from "../../tests/mock-vendor/http-server.ts";
import { type Percentiles, percentilesOf } from "../statistics.ts";

/** Milliseconds from a client's hanging up to the vendor's connection being closed. */
export interface LeavingFigures {
  readonly way: string;
  readonly times: number;
  readonly ms: Percentiles;
}

const TIMES = 100;
/** What the vendor waits for before the client leaves. */
const ASKED_MS = 20;

/** A vendor that says one word of a stream, nothing of a whole answer, and waits to be hung up on. */
export interface PatientVendor {
  readonly url: string;
  /** The next call's: resolves when it is there, with what resolves (to the time) when it is hung up on. */
  next(): Promise<{ readonly hungUp: Promise<number> }>;
  stop(): void;
}

const WORD =
  'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n';

export function startPatientVendor(): PatientVendor {
  let waiting: ((call: { readonly hungUp: Promise<number> }) => void) | undefined;
  const server = serveHttp(async ({ body }, out) => {
    const asked = JSON.parse(Buffer.from(body).toString()) as { stream?: boolean }; // the gateway wrote it
    if (asked.stream === true) {
      out.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
      out.write(`${Buffer.byteLength(WORD).toString(16)}\r\n${WORD}\r\n`);
    }
    waiting?.({ hungUp: out.gone.then(() => performance.now()) });
    await out.gone;
  });
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    next: () =>
      new Promise((resolve) => {
        waiting = resolve;
      }),
    stop: server.stop,
  };
}

/** Clients leave one after the other, over each way in. */
export async function measureLeaving(
  { url, client }: Gateway,
  vendor: PatientVendor,
  model: string,
): Promise<readonly LeavingFigures[]> {
  const { key } = await client("1000000");
  const body = { model, messages: [{ role: "user", content: "?" }] };
  const ways: readonly (readonly [string, () => () => void])[] = [
    ["HTTP, whole", () => overHttp(url, key, { ...body, stream: false })],
    ["HTTP, streamed", () => overHttp(url, key, { ...body, stream: true })],
    ["HTTP, resumable, `detach` 0", () => overHttp(url, key, { ...body, stream: true }, RESUMABLE)],
    ["WebSocket, `detach` 0", () => overSocket(url, key, body)],
  ];
  const figures: LeavingFigures[] = [];
  for (const [way, ask] of ways) {
    const took: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      const calling = vendor.next();
      const leave = ask();
      const { hungUp } = await calling;
      await Bun.sleep(ASKED_MS);
      const leftAt = performance.now();
      leave();
      took.push((await hungUp) - leftAt);
    }
    figures.push({ way, times: TIMES, ms: percentilesOf(took) });
  }
  return figures;
}

const RESUMABLE = ["x-sluice-resumable: true", "x-sluice-detach: 0"];

/** Asks over a bare connection; what it gives hangs up. */
function overHttp(url: string, key: string, body: object, headers: readonly string[] = []): () => void {
  const { hostname, port, host } = new URL(url);
  const json = JSON.stringify(body);
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    `host: ${host}`,
    `authorization: Bearer ${key}`,
    "content-type: application/json",
    ...headers,
    `content-length: ${Buffer.byteLength(json)}`,
  ];
  const request = `${head.join("\r\n")}\r\n\r\n${json}`;
  const connecting = Bun.connect({
    hostname,
    port: Number(port),
    socket: { open: (socket) => void socket.write(request), data() {} },
  });
  return () => void connecting.then((socket) => socket.terminate());
}

function overSocket(url: string, key: string, body: object): () => void {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ws`, ["sluice.v1.json", `sluice.key.${key}`]);
  const frame = JSON.stringify({ type: "generate", id: "a", body, detach: 0 });
  socket.addEventListener("open", () => socket.send(frame));
  return () => socket.terminate();
}
