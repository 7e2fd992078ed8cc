import { SluiceError } from "../core/errors.ts";
import type { NativeDialect } from "../core/generation.ts";
import { streamId } from "../core/ids.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { StreamAbout, StreamEntry } from "../gateway/streams/entry.ts";
import type { StreamJournal } from "../gateway/streams/journal.ts";
import type { LiveStream, LiveStreams, StreamCursor } from "../gateway/streams/live-stream.ts";
import { messageTeller } from "./anthropic/resumable.ts";
import { type AddressSource, credentialOf } from "./credential.ts";
import { responsesTeller } from "./gemini/resumable.ts";
import { headerText } from "./header-text.ts";
import { responseTeller } from "./openai/responses/resumable.ts";
import { entryFrames, repeatedEndFrames } from "./openai/stream-entries.ts";
import { type Teller, toldBody } from "./told-whole.ts";

export interface StreamPorts {
  readonly gateway: Gateway;
  readonly streams: LiveStreams;
}

/** What Bun's server does for a running request. */
export type StreamServer = AddressSource & { timeout(request: Request, seconds: number): void };

/**
 * `GET /v1/streams/{id}`: goes on after `Last-Event-ID` (else `?after=`, else from the beginning).
 * @throws SluiceError `not_found` for an unknown, foreign or forgotten stream; status 410 when the events
 * after that number are no longer kept; `invalid_request` for a number that is none or too high
 */
export async function resumeStream(
  ports: StreamPorts,
  request: Request,
  server: StreamServer | null,
  id: string,
): Promise<Response> {
  const after = afterOf(request);
  const stream = await findStream(ports, request, server, id);
  const cursor = await attachTo(stream, after);
  // The generation's own clocks bound the silence; the server's would cut a vendor that thinks.
  server?.timeout(request, 0);
  const { about } = stream;
  return new Response(eventsBody(about, cursor, after), {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
      "x-request-id": about.requestId,
      "x-sluice-stream": about.streamId,
      "x-sluice-vendor": headerText(about.vendor),
      "x-sluice-model": headerText(about.vendorModel),
      "x-sluice-attempts": String(about.attempts),
    },
  });
}

/**
 * `DELETE /v1/streams/{id}`: stops the generation, the vendor too; what was used is charged. One that has
 * ended stays as it is (`cancelled: false`). Throws SluiceError `not_found` as above.
 */
export async function cancelStream(
  ports: StreamPorts,
  request: Request,
  server: StreamServer | null,
  id: string,
): Promise<Response> {
  const stream = await findStream(ports, request, server, id);
  const cancelled = await stream.cancel();
  const { requestId } = stream.about;
  return Response.json({ id, object: "stream", cancelled }, { headers: { "x-request-id": requestId } });
}

/** The body of a POST that asked for a resumable stream: its first reader. */
export function resumableBody(
  stream: Pick<StreamJournal, "about" | "attach">,
  after: number,
): ReadableStream<Uint8Array> {
  const { about } = stream;
  return eventsBody(about, stream.attach(tellerOf(about) === undefined ? after : 0), after);
}

/** Dialects whose events hold what came before: they are put together from the stream's beginning. */
const TELLERS: Partial<Record<NativeDialect, (about: StreamAbout, after: number) => Teller>> = {
  anthropic: messageTeller,
  gemini: responsesTeller,
  "openai-responses": responseTeller,
};

const tellerOf = ({ told }: StreamAbout) => (told === undefined ? undefined : TELLERS[told.dialect]);

async function attachTo(stream: LiveStream, after: number): Promise<StreamCursor> {
  if (tellerOf(stream.about) === undefined) return stream.attach(after);
  try {
    return await stream.attach(0);
  } catch (thrown) {
    if (!(thrown instanceof SluiceError) || thrown.status !== 410) throw thrown;
    const message = "The stream's beginning is no longer kept, and it cannot be told without.";
    throw new SluiceError("not_found", message, { param: "after", status: 410 });
  }
}

/** A reader's entries as an SSE body, pulled by the client's reading. The client's leaving closes the reader. */
function eventsBody(about: StreamAbout, cursor: StreamCursor, after: number): ReadableStream<Uint8Array> {
  const teller = tellerOf(about);
  if (teller !== undefined) return toldBody(about, cursor, teller(about, after));
  const framesOf = (entry: StreamEntry): string =>
    entry.type === "done" && entry.seq <= after ? repeatedEndFrames(entry, about) : entryFrames(entry, about);
  let hasLeft = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const entry = await cursor.next();
      if (hasLeft) return;
      if (entry !== null) controller.enqueue(encoder.encode(framesOf(entry)));
      if (entry === null || entry.type !== "delta") controller.close();
    },
    cancel() {
      hasLeft = true;
      cursor.close();
    },
  });
}

const encoder = new TextEncoder();

async function findStream(
  { gateway, streams }: StreamPorts,
  request: Request,
  server: StreamServer | null,
  id: string,
): Promise<LiveStream> {
  const caller = await gateway.authenticate(credentialOf(request, server), "streams");
  const stream = await streams.get(streamId(id), caller.tenant);
  if (stream === undefined) {
    throw new SluiceError("not_found", "There is no such stream, or it ended more than five minutes ago.");
  }
  return stream;
}

/** An EventSource that reconnects sends the header and the URL it first had: the header is the newer. */
function afterOf(request: Request): number {
  const header = request.headers.get("last-event-id");
  const text = header ?? new URL(request.url).searchParams.get("after") ?? "0";
  const param = header === null ? "after" : "Last-Event-ID";
  if (!/^\d{1,15}$/.test(text)) {
    throw new SluiceError("invalid_request", `Invalid '${param}': must be the number of an event.`, {
      param,
    });
  }
  return Number(text);
}
