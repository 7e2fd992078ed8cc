import { DETACH_FORMS, parseDetach } from "../core/detach.ts";
import { SluiceError } from "../core/errors.ts";
import type { JsonObject, Outcome } from "../core/generation.ts";
import { type RequestId, type StreamId, streamId, type VendorId } from "../core/ids.ts";
import { parseTakeover, TAKEOVER_FORMS, type TakeoverPolicy } from "../core/takeover-policy.ts";
import { CLOCKS, parseTimeout, TIMEOUT_FORMS, type TimeoutWishes } from "../core/timeout-wishes.ts";

/** What a client may send. */
export type ClientFrame =
  | {
      readonly type: "generate";
      readonly id: string;
      readonly body: JsonObject;
      readonly credit: number | undefined;
      readonly takeover: TakeoverPolicy | undefined;
      readonly timeouts: TimeoutWishes | undefined;
      readonly hedge: boolean | undefined;
      /** How long it goes on when nobody reads. */
      readonly detachMs: number | undefined;
    }
  | {
      readonly type: "resume";
      readonly id: string;
      readonly stream: StreamId;
      readonly after: number;
      readonly credit: number | undefined;
    }
  | { readonly type: "cancel"; readonly id: string }
  | { readonly type: "credit"; readonly id: string; readonly events: number }
  | { readonly type: "ping"; readonly t: number | string | undefined };

/** What the server sends. A key that has no value is absent, never undefined: MessagePack would write it. */
export type ServerFrame =
  | StartedFrame
  | DeltaFrame
  | DoneFrame
  /** This node has the stream no longer: it is to be resumed after `seq`, best over a new socket. */
  | { readonly type: "moved"; readonly id: string; readonly stream: StreamId; readonly seq: number }
  | { readonly type: "error"; readonly id?: string; readonly error: object }
  | { readonly type: "pong"; readonly t?: number | string };

export interface StartedFrame {
  readonly type: "started";
  readonly id: string;
  readonly stream: StreamId;
  readonly request_id: RequestId;
  readonly vendor: VendorId;
  readonly model: string;
}

export interface DeltaFrame {
  readonly type: "delta";
  readonly id: string;
  readonly seq: number;
  /** Only for other choices than the first, of a request with `n` above 1. */
  readonly choice?: number;
  readonly text?: string;
  readonly reasoning?: string;
  readonly refusal?: string;
  readonly tool_calls?: readonly object[];
}

export interface DoneFrame {
  readonly type: "done";
  readonly id: string;
  readonly seq: number;
  readonly outcome: Outcome;
  readonly finish_reason: string | null;
  readonly usage: object;
  readonly cost: string;
  readonly receipt: RequestId;
  /** For every outcome but `completed`. */
  readonly error?: object;
}

/** Longest id of a client's own, in UTF-16 units: a UUID with a name before it. */
const ID_CHARS = 128;
/** Largest credit that is counted; beyond it there is no flow control to speak of. */
export const MOST_CREDIT = 1_000_000;

const FIELDS: Readonly<Record<ClientFrame["type"], ReadonlySet<string>>> = {
  generate: new Set(["type", "id", "body", "credit", "takeover", "hedge", "timeouts", "detach"]),
  resume: new Set(["type", "id", "stream", "after", "credit"]),
  cancel: new Set(["type", "id"]),
  credit: new Set(["type", "id", "events"]),
  ping: new Set(["type", "t"]),
};

/**
 * Reads one decoded frame.
 * @throws SluiceError `invalid_request` with the field in `param`
 */
export function parseFrame(value: unknown): ClientFrame {
  const frame = asObject(value);
  const type = typeOf(frame);
  for (const name in frame) {
    if (!FIELDS[type].has(name)) throw invalid(name, `is not a field of a '${type}' frame`);
  }
  switch (type) {
    case "generate":
      return {
        type,
        id: clientId(frame),
        body: bodyOf(frame),
        credit: integer(frame, "credit", 0),
        takeover: takeoverOf(frame),
        hedge: hedgeOf(frame),
        detachMs: detachOf(frame),
        timeouts: timeoutsOf(frame),
      };
    case "resume":
      return {
        type,
        id: clientId(frame),
        stream: streamOf(frame),
        after: integer(frame, "after", 0, Number.MAX_SAFE_INTEGER) ?? 0,
        credit: integer(frame, "credit", 0),
      };
    case "cancel":
      return { type, id: clientId(frame) };
    case "credit":
      return { type, id: clientId(frame), events: required(integer(frame, "events", 1), "events") };
    case "ping":
      return { type, t: echoOf(frame) };
  }
}

/** The id that an answer to a refused frame can carry, if the frame has a usable one. */
export function idOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
  return isClientId(value.id) ? value.id : undefined;
}

const isClientId = (id: unknown): id is string =>
  typeof id === "string" && id.length > 0 && id.length <= ID_CHARS;

function asObject(value: unknown): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SluiceError("invalid_request", "A frame must be an object with a 'type'.");
  }
  return value as JsonObject; // checked above: a non-null object that is no array
}

function typeOf(frame: JsonObject): ClientFrame["type"] {
  const { type } = frame;
  if (typeof type !== "string") throw invalid("type", "must be a string");
  if (!isFrameType(type)) throw invalid("type", `must be one of ${Object.keys(FIELDS).join(", ")}`);
  return type;
}

const isFrameType = (type: string): type is ClientFrame["type"] => Object.hasOwn(FIELDS, type);

function clientId({ id }: JsonObject): string {
  if (!isClientId(id)) throw invalid("id", `must be a string of 1 to ${ID_CHARS} characters`);
  return id;
}

function bodyOf({ body }: JsonObject): JsonObject {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid("body", "must be an object: the body of a chat completions request");
  }
  return body as JsonObject; // checked above
}

function takeoverOf({ takeover }: JsonObject): TakeoverPolicy | undefined {
  if (takeover === undefined) return undefined;
  const policy = parseTakeover(takeover);
  if (policy === undefined) throw invalid("takeover", `must be ${TAKEOVER_FORMS}`);
  return policy;
}

function hedgeOf({ hedge }: JsonObject): boolean | undefined {
  if (hedge !== undefined && hedge !== "on" && hedge !== "off")
    throw invalid("hedge", "must be 'on' or 'off'");
  return hedge === undefined ? undefined : hedge === "on";
}

function detachOf({ detach }: JsonObject): number | undefined {
  if (detach === undefined) return undefined;
  const ms = parseDetach(detach);
  if (ms === undefined) throw invalid("detach", `must be ${DETACH_FORMS}`);
  return ms;
}

/** By the names of the headers, with an underscore: `{"first_token": "2s"}`. */
function timeoutsOf({ timeouts: given }: JsonObject): TimeoutWishes | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "object" || given === null) throw invalid("timeouts", "must be an object");
  const clocks = new Map(Object.entries(CLOCKS).map(([name, clock]) => [name.replace("-", "_"), clock]));
  let timeouts: TimeoutWishes = {};
  for (const [name, value] of Object.entries(given)) {
    const clock = clocks.get(name);
    if (clock === undefined)
      throw invalid(`timeouts.${name}`, `is none of the clocks ${[...clocks.keys()].join(", ")}`);
    const ms = parseTimeout(value);
    if (ms === undefined) throw invalid(`timeouts.${name}`, `must be ${TIMEOUT_FORMS}`);
    timeouts = { ...timeouts, [clock]: ms };
  }
  return timeouts;
}

function streamOf({ stream }: JsonObject): StreamId {
  if (typeof stream !== "string" || stream === "") throw invalid("stream", "must be the id of a stream");
  return streamId(stream);
}

function integer(frame: JsonObject, name: string, least: number, most = MOST_CREDIT): number | undefined {
  const value = frame[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw invalid(name, `must be an integer from ${least} to ${most}`);
  }
  return value;
}

function required(value: number | undefined, name: string): number {
  if (value === undefined) throw invalid(name, "is required");
  return value;
}

function echoOf({ t }: JsonObject): number | string | undefined {
  if (t === undefined || (typeof t === "number" && Number.isFinite(t))) return t;
  if (typeof t === "string" && t.length <= ID_CHARS) return t;
  throw invalid("t", `must be a number or a string of at most ${ID_CHARS} characters`);
}

function invalid(param: string, problem: string): SluiceError {
  return new SluiceError("invalid_request", `Invalid frame: '${param}' ${problem}.`, { param });
}
