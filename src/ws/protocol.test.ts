import { expect, test } from "bun:test";
import { SluiceError } from "../core/errors.ts";
import { streamId } from "../core/ids.ts";
import { idOf, parseFrame } from "./protocol.ts";

const BODY = { model: "m", messages: [] };

test("each frame of the protocol is read", () => {
  expect(parseFrame({ type: "generate", id: "a", body: BODY })).toEqual({
    type: "generate",
    id: "a",
    body: BODY,
    credit: undefined,
    takeover: undefined,
    timeouts: undefined,
    hedge: undefined,
    detachMs: undefined,
  });
  expect(parseFrame({ type: "generate", id: "a", body: BODY, credit: 0 })).toMatchObject({ credit: 0 });
  const wishes = { type: "generate", id: "a", body: BODY, takeover: "before:9", hedge: "off", detach: 0 };
  expect(parseFrame(wishes)).toMatchObject({ takeover: "before:9", hedge: false, detachMs: 0 });
  const patience = { type: "generate", id: "a", body: BODY, timeouts: { first_token: "2s", total: 9_000 } };
  expect(parseFrame(patience)).toMatchObject({ timeouts: { firstTokenMs: 2_000, totalMs: 9_000 } });
  expect(parseFrame({ type: "resume", id: "a", stream: "str_1", after: 17 })).toEqual({
    type: "resume",
    id: "a",
    stream: streamId("str_1"),
    after: 17,
    credit: undefined,
  });
  expect(parseFrame({ type: "cancel", id: "a" })).toEqual({ type: "cancel", id: "a" });
  expect(parseFrame({ type: "credit", id: "a", events: 64 })).toEqual({
    type: "credit",
    id: "a",
    events: 64,
  });
  expect(parseFrame({ type: "ping", t: 1 })).toEqual({ type: "ping", t: 1 });
});

const REFUSED: [what: string, frame: unknown, param: string | undefined, message: RegExp][] = [
  ["no object", 5, undefined, /must be an object/],
  ["a list", [], undefined, /must be an object/],
  ["nothing", null, undefined, /must be an object/],
  ["no type", { id: "a" }, "type", /must be a string/],
  ["an unknown type", { type: "stop" }, "type", /must be one of generate, resume, cancel, credit, ping/],
  ["a type every object has", { type: "toString" }, "type", /must be one of/],
  ["an unknown field", { type: "cancel", id: "a", why: 1 }, "why", /not a field of a 'cancel' frame/],
  ["no id", { type: "cancel" }, "id", /string of 1 to 128/],
  ["an empty id", { type: "cancel", id: "" }, "id", /string of 1 to 128/],
  ["a long id", { type: "cancel", id: "x".repeat(129) }, "id", /string of 1 to 128/],
  ["a number as id", { type: "cancel", id: 7 }, "id", /string of 1 to 128/],
  ["no body", { type: "generate", id: "a" }, "body", /must be an object/],
  ["a text as body", { type: "generate", id: "a", body: "{}" }, "body", /must be an object/],
  [
    "no clock",
    { type: "generate", id: "a", body: BODY, timeouts: { first: "2s" } },
    "timeouts.first",
    /none of/,
  ],
  [
    "no time",
    { type: "generate", id: "a", body: BODY, timeouts: { idle: "soon" } },
    "timeouts.idle",
    /length/,
  ],
  ["no policy", { type: "generate", id: "a", body: BODY, takeover: "now" }, "takeover", /must be 'never'/],
  ["no choice", { type: "generate", id: "a", body: BODY, hedge: true }, "hedge", /must be 'on' or 'off'/],
  [
    "no end of patience",
    { type: "generate", id: "a", body: BODY, detach: "1h" },
    "detach",
    /at most 10 minutes/,
  ],
  ["half a credit", { type: "generate", id: "a", body: BODY, credit: 1.5 }, "credit", /integer from 0/],
  ["no events", { type: "credit", id: "a" }, "events", /is required/],
  ["zero events", { type: "credit", id: "a", events: 0 }, "events", /integer from 1/],
  ["no stream", { type: "resume", id: "a", after: 1 }, "stream", /id of a stream/],
  ["a negative place", { type: "resume", id: "a", stream: "s", after: -1 }, "after", /integer from 0/],
  ["an object as t", { type: "ping", t: {} }, "t", /number or a string/],
];

test.each(REFUSED)("%s is refused, naming the field", (_what, frame, param, message) => {
  const thrown = thrownBy(() => parseFrame(frame));
  expect(thrown.code).toBe("invalid_request");
  expect(thrown.detail.param).toBe(param);
  expect(thrown.message).toMatch(message);
});

test("the id of a refused frame is answered only if it is one", () => {
  expect(idOf({ type: "nonsense", id: "a" })).toBe("a");
  expect(idOf({ id: 7 })).toBeUndefined();
  expect(idOf(null)).toBeUndefined();
  expect(idOf("a")).toBeUndefined();
});

function thrownBy(run: () => unknown): SluiceError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
