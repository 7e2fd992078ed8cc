import type { CallSignal } from "../core/call-signal.ts";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import type { RequestId } from "../core/ids.ts";
import { GENERATIONS_PER_SOCKET } from "../core/limits.ts";
import type { Writable } from "../core/writable.ts";
import type { Caller, Gateway, GenerateOptions, Scope } from "../gateway/gateway.ts";
import { parseChat } from "../gateway/requests/chat.ts";
import type { LiveStream, LiveStreams, OpenOptions } from "../gateway/streams/live-stream.ts";
import { type OpenAiShapes, startedFrame, streamFrame } from "./frames.ts";
import { isOpen, type Outlet, type Socket } from "./outlet.ts";
import type { ClientFrame } from "./protocol.ts";
import { Run } from "./run.ts";

export interface SessionPorts {
  readonly gateway: Gateway;
  readonly streams: LiveStreams;
  readonly shapes: OpenAiShapes;
  readonly outlet: Outlet;
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
  /** The latest, in the places of the oldest. */
  readonly #endedIds: string[] = [];
  #endedCount = 0;
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
    void (frame.type === "generate" ? this.#generate(run, frame, bytes) : this.#resume(run, frame));
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
    if (run === undefined && !this.#endedIds.includes(id)) {
      throw new SluiceError("not_found", `Nothing runs under the id '${id}'.`, { param: "id" });
    }
    return run;
  }

  async #generate(run: Run, frame: Generate, bytes: number): Promise<void> {
    const { gateway, streams, newRequestId } = this.#ports;
    const requestId = newRequestId();
    try {
      const known = this.#authenticate("chat");
      const caller = known instanceof Promise ? await known : known;
      const body = frame.body.stream === true ? frame.body : { ...frame.body, stream: true };
      const request = parseChat(body, bytes);
      if (streams.isFull) throw new SluiceError("overloaded", "This node runs as many streams as it can.");
      const options = optionsOf(frame, requestId, run.abort);
      const generation = await gateway.generate(caller, request, options);
      if (generation.kind !== "stream") throw new Error("a streaming request was answered whole");
      const stream = streams.open(caller, generation, request, wishesOf(frame));
      run.stream = stream;
      if (run.isCancelled) await stream.cancel();
      // The client may have left before it knew of the stream, which is cancelled then.
      if (isOpen(this.#ws)) await this.#deliver(run, stream, 0);
    } catch (thrown) {
      this.#refuse(run, asSluiceError(thrown), requestId);
    } finally {
      this.#end(run);
    }
  }

  async #resume(run: Run, frame: Resume): Promise<void> {
    try {
      const caller = await this.#authenticate("streams");
      const stream = await this.#ports.streams.get(frame.stream, caller.tenant);
      if (stream === undefined) {
        const message = "There is no such stream, or it ended more than five minutes ago.";
        throw new SluiceError("not_found", message, { param: "stream" });
      }
      run.stream = stream;
      if (run.isCancelled && isOpen(this.#ws)) await stream.cancel();
      await this.#deliver(run, stream, frame.after);
    } catch (thrown) {
      this.#refuse(run, asSluiceError(thrown), this.#ports.newRequestId());
    } finally {
      this.#end(run);
    }
  }

  #authenticate(scope: Scope): Caller | Promise<Caller> {
    const { data, remoteAddress: address } = this.#ws;
    return this.#ports.gateway.authenticate({ secret: data.key.secret, address }, scope);
  }

  /** Sends what the stream holds and will hold, as fast as the client reads and its credit allows. */
  async #deliver(run: Run, stream: LiveStream, after: number): Promise<void> {
    const ws = this.#ws;
    const { outlet, shapes } = this.#ports;
    const attached = stream.attach(after);
    const cursor = attached instanceof Promise ? await attached : attached;
    run.cursor = cursor;
    // Also ends here when the client left while the stream was being looked for.
    if (!outlet.send(ws, startedFrame(run.id, stream.about))) return;
    for (;;) {
      const next = cursor.next();
      const entry = next instanceof Promise ? await next : next;
      if (entry === null) return;
      if (entry.type === "delta") {
        const taken = run.takeCredit();
        // A cancelled client without credit left is told the end; the rest can still be resumed.
        if (!(taken instanceof Promise ? await taken : taken)) continue;
      }
      while (ws.data.isBlocked && isOpen(ws)) await this.#whenWritable();
      if (entry.type === "moved") this.hasMoved = true;
      const frame = streamFrame(run.id, entry, stream.about, shapes);
      if (!outlet.send(ws, frame, cursor.backlog > 0)) return;
    }
  }

  #whenWritable(): Promise<void> {
    this.#writable ??= Promise.withResolvers();
    return this.#writable.promise;
  }

  #refuse(run: Run, error: SluiceError, requestId: RequestId): void {
    const { outlet, shapes } = this.#ports;
    const { error: shape } = shapes.errorBody(error, requestId);
    outlet.send(this.#ws, { type: "error", id: run.id, error: shape });
    if (error.code === "invalid_api_key") this.#ports.keyLost(this.#ws);
  }

  #end(run: Run): void {
    run.cursor?.close();
    this.#running.delete(run.id);
    this.#endedIds[this.#endedCount % ENDED_IDS] = run.id;
    this.#endedCount += 1;
    if (this.#running.size === 0) this.#ports.idle(this.#ws);
  }
}

function optionsOf(
  { takeover, hedge, timeouts }: Generate,
  requestId: RequestId,
  signal: CallSignal,
): GenerateOptions {
  const options: Writable<GenerateOptions> = { requestId, mode: "events", signal, path: PATH };
  if (takeover !== undefined) options.takeover = takeover;
  if (hedge !== undefined) options.hedge = hedge;
  if (timeouts !== undefined) options.timeouts = timeouts;
  return options;
}

function wishesOf({ takeover, detachMs }: Generate): OpenOptions {
  if (takeover === undefined && detachMs === undefined) return NO_WISHES;
  const wishes: Writable<OpenOptions> = { path: PATH };
  if (takeover !== undefined) wishes.takeover = takeover;
  if (detachMs !== undefined) wishes.detachMs = detachMs;
  return wishes;
}

const NO_WISHES: OpenOptions = { path: PATH };
