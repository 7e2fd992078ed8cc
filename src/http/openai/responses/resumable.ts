import type { JsonObject } from "../../../core/generation.ts";
import type { DeltaEntry, DoneEntry, StreamAbout, ToldAs } from "../../../gateway/streams/entry.ts";
import type { StreamCursor } from "../../../gateway/streams/live-stream.ts";
import { movedFrames } from "../stream-entries.ts";
import { objectIn } from "./chat-pieces.ts";
import type { Piece } from "./piece.ts";
import type { Included } from "./request.ts";
import { ResponseEvents } from "./response-events.ts";
import type { ResponseAbout, ToldRequest } from "./response-object.ts";

/** Fields of the body that a response tells again. */
const ECHOED = [
  ...["instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "reasoning"],
  ...["service_tier", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "user"],
];
/** Beyond that, the large ones are not told: it travels with the head of the stream's copy, which has an end. */
const MOST_ECHOED_CHARS = 64 * 1024;
const LARGE = ["instructions", "tools", "text"];

/** What readers on any node need to tell the stream as a response. */
export function toldAsResponse({ createdAt, request }: ResponseAbout): ToldAs {
  const { body, previous, store, summarizes, include } = request;
  const told = { createdAt, body: echoOf(body), store, summarizes, include: [...include] };
  const about = previous === undefined ? told : { ...told, previous };
  return { dialect: "openai-responses", about };
}

function echoOf(body: JsonObject): JsonObject {
  const echo = Object.fromEntries(ECHOED.filter((name) => name in body).map((name) => [name, body[name]]));
  if (JSON.stringify(echo).length <= MOST_ECHOED_CHARS) return echo;
  return Object.fromEntries(Object.entries(echo).filter(([name]) => !LARGE.includes(name)));
}

function aboutOf({ requestId, vendorModel, created, told }: StreamAbout): ResponseAbout {
  const { createdAt, body, previous, store, summarizes, include } = told?.about ?? {};
  const request: ToldRequest = {
    body: objectIn(body) ?? {},
    previous: typeof previous === "string" ? previous : undefined,
    store: store === true,
    summarizes: summarizes === true,
    include: new Set((Array.isArray(include) ? include : []) as Included[]), // written above
  };
  return {
    requestId,
    createdAt: typeof createdAt === "number" ? createdAt : created,
    model: vendorModel,
    request,
  };
}

/**
 * A resumable stream as the events of a response, each with an `id`. They are put together from the stream's
 * beginning, and told behind `after`.
 * @param cursor at the stream's beginning
 */
export function responseEventsBody(
  about: StreamAbout,
  cursor: StreamCursor,
  after: number,
): ReadableStream<Uint8Array> {
  const events = new ResponseEvents(aboutOf(about), after);
  let hasBegun = false;
  let hasLeft = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!hasBegun) {
        hasBegun = true;
        const begin = events.begin();
        if (begin !== "") return controller.enqueue(encoder.encode(begin));
      }
      for (;;) {
        const entry = await cursor.next();
        if (hasLeft) return;
        if (entry?.type === "delta") {
          const frames = events.write(piecesOf(entry));
          if (frames === "") continue;
          return controller.enqueue(encoder.encode(frames));
        }
        if (entry?.type === "moved") controller.enqueue(encoder.encode(movedFrames(about, events.lastId)));
        if (entry?.type === "done") controller.enqueue(encoder.encode(endOf(events, entry)));
        return controller.close();
      }
    },
    cancel() {
      hasLeft = true;
      cursor.close();
    },
  });
}

const encoder = new TextEncoder();

/** A stream that another node went on with, or that was cancelled, is kept nowhere. */
function endOf(events: ResponseEvents, { final, receipt }: DoneEntry): string {
  const response = events.end(final);
  const isKept = receipt === undefined && final.outcome !== "cancelled";
  return events.close(final, isKept ? response : { ...response, store: false });
}

function piecesOf({ choice, reasoning, text, refusal, toolCalls = [] }: DeltaEntry): readonly Piece[] {
  if (choice !== 0) return [];
  return [
    ...(reasoning === undefined ? [] : [{ kind: "reasoning", text: reasoning } as const]),
    ...(text === undefined ? [] : [{ kind: "text", text } as const]),
    ...(refusal === undefined ? [] : [{ kind: "refusal", text: refusal } as const]),
    ...toolCalls.map((piece) => ({ kind: "call", ...piece }) as const),
  ];
}
