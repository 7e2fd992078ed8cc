import type { JsonObject } from "../../../core/generation.ts";
import type { DoneEntry, StreamAbout, ToldAs } from "../../../gateway/streams/entry.ts";
import type { Teller } from "../../told-whole.ts";
import { objectIn } from "./chat-pieces.ts";
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

/** A resumable stream as the events of a response. @param after the number of the last event that its reader has */
export function responseTeller(about: StreamAbout, after: number): Teller {
  const events = new ResponseEvents(aboutOf(about), after);
  return {
    begin: () => events.begin(),
    write: (pieces) => events.write(pieces),
    end: (entry) => endOf(events, entry),
    get lastId() {
      return events.lastId;
    },
  };
}

/** A stream that another node went on with, or that was cancelled, is kept nowhere. */
function endOf(events: ResponseEvents, { final, receipt }: DoneEntry): string {
  const response = events.end(final);
  const isKept = receipt === undefined && final.outcome !== "cancelled";
  return events.close(final, isKept ? response : { ...response, store: false });
}
