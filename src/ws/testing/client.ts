import { unpack } from "msgpackr";

/** A frame as it came, fields to be looked at by the test. */
export interface Received {
  readonly type: string;
  readonly id?: string;
  readonly seq?: number;
  readonly text?: string;
  readonly stream?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly param: string | null };
  readonly [field: string]: unknown;
}

export interface ConnectOptions {
  readonly path?: string;
  readonly key?: string | undefined;
  readonly protocols?: readonly string[];
}

/** A client's end of one socket: what came waits until the test takes it. */
export class Client {
  readonly received: Received[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #taken = 0;
  #onFrame: (() => void) | undefined;

  constructor(readonly ws: WebSocket) {
    ws.binaryType = "arraybuffer";
    this.opened = new Promise((resolve, reject) => {
      ws.addEventListener("open", () => resolve());
      ws.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code} before it was open`)));
    });
    this.closed = new Promise((resolve) => {
      ws.addEventListener("close", ({ code, reason }) => {
        resolve({ code, reason });
        this.#onFrame?.();
      });
    });
    ws.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.received.push(typeof data === "string" ? JSON.parse(data) : unpack(new Uint8Array(data)));
      this.#onFrame?.();
    });
  }

  send(frame: object | string | Uint8Array<ArrayBuffer>): void {
    const isRaw = typeof frame === "string" || frame instanceof Uint8Array;
    this.ws.send(isRaw ? frame : JSON.stringify(frame));
  }

  generate(id: string, more: object = {}): void {
    const body = { model: "m", messages: [{ role: "user", content: "hi" }] };
    this.send({ type: "generate", id, body, ...more });
  }

  /** The next frame that was not taken yet. */
  async next(): Promise<Received> {
    for (;;) {
      const frame = this.received[this.#taken];
      if (frame !== undefined) {
        this.#taken += 1;
        return frame;
      }
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error("the socket closed instead");
      await new Promise<void>((resolve) => {
        this.#onFrame = resolve;
      });
    }
  }

  /** Takes frames up to and with the first of this type; answers all of them. */
  async until(type: string): Promise<Received[]> {
    const frames: Received[] = [];
    do frames.push(await this.next());
    while (frames.at(-1)?.type !== type);
    return frames;
  }

  /** Waits for the answer to a ping: everything that was sent before has been dealt with. */
  async settled(): Promise<void> {
    this.send({ type: "ping", t: "settled" });
    await this.until("pong");
  }
}

/** Opens a socket; rejects when the server refuses the upgrade. */
export async function connect(url: URL, options: ConnectOptions = {}): Promise<Client> {
  const key = "key" in options ? options.key : "sk-acme";
  const client = new Client(
    new WebSocket(new URL(options.path ?? "/v1/ws", url).href.replace("http", "ws"), {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      protocols: [...(options.protocols ?? [])],
    }),
  );
  await client.opened;
  return client;
}

export const textOf = (frames: readonly Received[]): string =>
  frames.map((frame) => (frame.type === "delta" ? (frame.text ?? "") : "")).join("");
