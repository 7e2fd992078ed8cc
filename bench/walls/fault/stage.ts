import type { Outgoing } from "../../../tests/mock-vendor/http-server.ts";
import type { Answer, Frames, Operation, Wire } from "./wires/wire.ts";

/** Thrown to leave an answer in the middle, when the gateway has hung up. */
export class HungUp extends Error {}

/** Long enough for what was written to be read before something else happens to the connection. */
const READ_MS = 150;
const CLOSED = "0\r\n\r\n";

/** One call of the wall's vendor: what there is to say, and every way in which it can be said wrongly. */
export class Stage {
  readonly frames: Frames;
  #isChunked = false;

  constructor(
    readonly out: Outgoing,
    readonly wire: Wire,
    readonly answer: Answer,
    readonly operation: Operation,
    readonly isStream: boolean,
  ) {
    this.frames = wire.frames(answer, operation);
  }

  /** The body of an answer that is not streamed. */
  get whole(): string {
    return this.wire.whole(this.answer, this.operation);
  }

  /** The head of an answer in chunks; of one with a length, if `length` is said. */
  head(status = 200, headers: Readonly<Record<string, string>> = {}, length?: number): void {
    this.#isChunked = length === undefined;
    const all = {
      "content-type": this.isStream && status === 200 ? "text/event-stream" : "application/json",
      ...(length === undefined ? { "transfer-encoding": "chunked" } : { "content-length": String(length) }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.raw(`HTTP/1.1 ${status} Said\r\n${lines.join("")}\r\n`);
  }

  /** Parts of the body. */
  send(...parts: readonly (string | Uint8Array)[]): void {
    for (const part of parts) {
      const bytes = Buffer.from(part);
      if (bytes.length === 0) continue;
      if (!this.#isChunked) this.raw(bytes);
      else this.raw(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]));
    }
  }

  /** Bytes as they are. */
  raw(bytes: string | Uint8Array): void {
    this.out.write(bytes);
  }

  /** An answer with a length, well delivered. */
  reply(status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
    this.head(status, headers, Buffer.byteLength(body));
    this.send(body);
    this.end();
  }

  /** The head and the first words of a stream. */
  begin(words: number): void {
    this.head();
    this.send(this.frames.opening, ...this.frames.content.slice(0, words));
  }

  /** The whole answer without its end: of a stream everything before the finish. */
  sayAll(): void {
    this.begin(this.frames.content.length);
  }

  /** The end of the body, as HTTP has it; the connection stays. */
  end(): void {
    if (this.#isChunked) this.raw(CLOSED);
    this.out.done();
  }

  /** Closes the connection once what was written has been read. */
  async close(how: "close" | "reset" = "close"): Promise<void> {
    await this.read();
    this.out.close(how);
  }

  /** Waits until what was written has been read. */
  read(): Promise<void> {
    return this.pause(READ_MS);
  }

  async pause(ms: number): Promise<void> {
    await Promise.race([Bun.sleep(ms), this.out.gone]);
    if (this.out.isGone) throw new HungUp();
  }

  /** Says nothing more, until the gateway hangs up. */
  async hang(): Promise<never> {
    await this.out.gone;
    throw new HungUp();
  }

  /** A byte a second. */
  async drip(bytes: string): Promise<never> {
    for (const byte of Buffer.from(bytes)) {
      this.send(Uint8Array.of(byte));
      await this.pause(1_000);
    }
    return this.hang();
  }
}

const CRLF = Buffer.from("\r\n");
