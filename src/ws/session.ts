import { asSluiceError, SluiceError } from "../core/errors.ts";
import type { RequestId } from "../core/ids.ts";
import { GENERATIONS_PER_SOCKET } from "../core/limits.ts";
import type { Caller, Gateway, Scope } from "../gateway/gateway.ts";
import { parseChat } from "../gateway/requests/chat.ts";
import type { LiveStream, LiveStreams } from "../gateway/streams/live-stream.ts";
import { type OpenAiShapes, streamFrame } from "./frames.ts";
import { isOpen, type Socket, sendFrame } from "./outlet.ts";
import type { ClientFrame } from "./protocol.ts";
import { Run } from "./run.ts";

export interface SessionPorts {
  readonly gateway: Gateway;
  readonly streams: LiveStreams;
  readonly shapes: OpenAiShapes;
  newRequestId(): RequestId;
  /** True: the node is stopping and takes nothing new. */
  isDraining(): boolean;
  /** The socket's key is no longer valid. */
  keyLost(ws: Socket): void;
  /** The last running generation has ended. */
  idle(ws: Socket): void;
}

type Generate = Extract<ClientFrame, { type: "generate" }>;
type Resume = Extract<ClientFrame, { type: "resume" }>;

/** What limits of paths know a socket's generations by. */
const PATH = "/v1/ws";

/** Ids of ended runs that are remembered, so that a credit or cancel that crossed the end is no error. */
const ENDED_IDS = 256;

/** What one socket is doing. Made with its first generation. */
export class Session {
  readonly #ports: SessionPorts;
  readonly #ws: Socket;
  readonly #running = new Map<string, Run>();
  readonly #endedIds = new Set<string>();
  #writable: PromiseWithResolvers<void> | undefined;
  /** A stream of this socket goes on at another node. */
  hasMoved = false;

  constructor(ports: SessionPorts, ws: Socket) {
    this.#ports = ports;
    this.#ws = ws;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Bytes meant for this client that it has not taken, in Bun's hands and in the streams'. */
  get unsentBytes(): number {
    let bytes = this.#ws.getBufferedAmount();
    for (const run of this.#running.values()) bytes += run.backlog;
    return bytes;
  }

  /**
   * Begins a generation, or joins a running one.
   * @param bytes size of the frame, for the estimate of the prompt
   * @throws SluiceError `conflict` for an id in use, `overloaded` beyond what a socket or the node may run
   */
  begin(frame: Generate | Resume, bytes: number): void {
    if (this.#ports.isDraining()) throw new SluiceError("overloaded", "This node is stopping; reconnect.");
    if (this.#running.has(frame.id)) {
      throw new SluiceError("conflict", `The id '${frame.id}' is in use by a running generation.`, {
        param: "id",
      });
    }
    if (this.#running.size >= GENERATIONS_PER_SOCKET) {
      const message = `A socket runs at most ${GENERATIONS_PER_SOCKET} generations at once.`;
      throw new SluiceError("overloaded", message);
    }
    const run = new Run(frame.id, frame.credit);
    this.#running.set(run.id, run);
    void this.#carryOut(run, frame, bytes);
  }

  /** @throws SluiceError `not_found` for an id that never ran here, `invalid_request` without flow control */
  addCredit(id: string, events: number): void {
    const run = this.#runOf(id);
    if (run === undefined || run.addCredit(events)) return;
    throw new SluiceError("invalid_request", `'${id}' was begun without a 'credit'.`, { param: "id" });
  }

  /** @throws SluiceError `not_found` for an id that never ran here */
  cancel(id: string): void {
    void this.#runOf(id)?.cancel();
  }

  /** Bun has sent what it held. */
  drained(): void {
    this.#writable?.resolve();
    this.#writable = undefined;
  }

  /** The client has left. */
  close(): void {
    for (const run of this.#running.values()) run.leave();
    this.drained();
  }

  /** For a key that may spend no longer. */
  cancelAll(): void {
    for (const run of this.#running.values()) void run.cancel();
  }

  #runOf(id: string): Run | undefined {
    const run = this.#running.get(id);
    if (run === undefined && !this.#endedIds.has(id)) {
      throw new SluiceError("not_found", `Nothing runs under the id '${id}'.`, { param: "id" });
    }
    return run;
  }

  async #carryOut(run: Run, frame: Generate | Resume, bytes: number): Promise<void> {
    const requestId = this.#ports.newRequestId();
    try {
      if (frame.type === "generate") {
        const stream = await this.#generate(run, frame, bytes, requestId);
        if (stream !== undefined) await this.#deliver(run, stream, 0);
      } else {
        await this.#deliver(run, await this.#find(run, frame), frame.after);
      }
    } catch (thrown) {
      this.#refuse(run, asSluiceError(thrown), requestId);
    } finally {
      this.#end(run);
    }
  }

  /** Undefined: the client left before it knew of the stream, which is cancelled then. */
  async #generate(
    run: Run,
    { body, takeover, hedge, timeouts, detachMs }: Generate,
    bytes: number,
    requestId: RequestId,
  ): Promise<LiveStream | undefined> {
    const { gateway, streams } = this.#ports;
    const caller = await this.#authenticate("chat");
    const request = parseChat({ ...body, stream: true }, bytes);
    if (streams.isFull) throw new SluiceError("overloaded", "This node runs as many streams as it can.");
    const options = {
      ...(takeover === undefined ? {} : { takeover }),
      ...(hedge === undefined ? {} : { hedge }),
      ...(timeouts === undefined ? {} : { timeouts }),
      requestId,
      mode: "events",
      signal: run.abort.signal,
      path: PATH,
    } as const;
    const generation = await gateway.generate(caller, request, options);
    if (generation.kind !== "stream") throw new Error("a streaming request was answered whole");
    const wishes = {
      ...(takeover === undefined ? {} : { takeover }),
      ...(detachMs === undefined ? {} : { detachMs }),
    };
    const stream = streams.open(caller, generation, request, { ...wishes, path: PATH });
    run.stream = stream;
    if (run.isCancelled) await stream.cancel();
    return isOpen(this.#ws) ? stream : undefined;
  }

  async #find(run: Run, frame: Resume): Promise<LiveStream> {
    const caller = await this.#authenticate("streams");
    const stream = await this.#ports.streams.get(frame.stream, caller.tenant);
    if (stream === undefined) {
      const message = "There is no such stream, or it ended more than five minutes ago.";
      throw new SluiceError("not_found", message, { param: "stream" });
    }
    run.stream = stream;
    if (run.isCancelled && isOpen(this.#ws)) await stream.cancel();
    return stream;
  }

  async #authenticate(scope: Scope): Promise<Caller> {
    const { data, remoteAddress: address } = this.#ws;
    return this.#ports.gateway.authenticate({ secret: data.key.secret, address }, scope);
  }

  /** Sends what the stream holds and will hold, as fast as the client reads and its credit allows. */
  async #deliver(run: Run, stream: LiveStream, after: number): Promise<void> {
    const ws = this.#ws;
    const cursor = await stream.attach(after);
    run.cursor = cursor;
    try {
      const { streamId, requestId, vendor, vendorModel } = stream.about;
      const started = { stream: streamId, request_id: requestId, vendor, model: vendorModel } as const;
      // Also ends here when the client left while the stream was being looked for.
      if (!sendFrame(ws, { type: "started", id: run.id, ...started })) return;
      for (let entry = await cursor.next(); entry !== null; entry = await cursor.next()) {
        // A cancelled client without credit left is told the end; the rest can still be resumed.
        if (entry.type === "delta" && !(await run.takeCredit())) continue;
        while (ws.data.isBlocked && isOpen(ws)) await this.#whenWritable();
        if (entry.type === "moved") this.hasMoved = true;
        if (!sendFrame(ws, streamFrame(run.id, entry, stream.about, this.#ports.shapes))) return;
      }
    } finally {
      cursor.close();
    }
  }

  #whenWritable(): Promise<void> {
    this.#writable ??= Promise.withResolvers();
    return this.#writable.promise;
  }

  #refuse(run: Run, error: SluiceError, requestId: RequestId): void {
    const { error: shape } = this.#ports.shapes.errorBody(error, requestId);
    sendFrame(this.#ws, { type: "error", id: run.id, error: shape });
    if (error.code === "invalid_api_key") this.#ports.keyLost(this.#ws);
  }

  #end(run: Run): void {
    this.#running.delete(run.id);
    this.#endedIds.add(run.id);
    if (this.#endedIds.size > ENDED_IDS) {
      for (const oldest of this.#endedIds) {
        this.#endedIds.delete(oldest);
        break;
      }
    }
    if (this.#running.size === 0) this.#ports.idle(this.#ws);
  }
}
