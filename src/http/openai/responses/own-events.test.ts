import { expect, test } from "bun:test";
import { requestId } from "../../../core/ids.ts";
import { OwnEvents } from "./own-events.ts";

const KIB = 1024;
const frame = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;

function eventsOf(...events: readonly (object | string)[]): OwnEvents {
  const request = {
    body: {},
    previous: undefined,
    store: true,
    summarizes: false,
    include: new Set<never>(),
  };
  const own = new OwnEvents({ requestId: requestId("req_a"), createdAt: 1, model: "m", request });
  for (const event of events)
    own.pass(Buffer.from(typeof event === "string" ? `data: ${event}\n\n` : frame(event)));
  return own;
}

/** UTF-16 units that are counted of a vendor's events: the answer is stopped when there are too many. */
const charsOf = (...events: readonly object[]): number => eventsOf(...events).chars;

const added = (output_index: number, item: object) => ({
  type: "response.output_item.added",
  output_index,
  item,
});
const done = (output_index: number, item: object) => ({
  type: "response.output_item.done",
  output_index,
  item,
});
const text = "x".repeat(64 * KIB);
const part = { type: "output_text", text };

test("what a vendor says and then repeats, in its part and in its item, is counted once", () => {
  const place = { output_index: 0, content_index: 0 };
  const said = charsOf(
    added(0, { type: "message", content: [] }),
    { type: "response.content_part.added", ...place, part: { ...part, text: "" } },
    { type: "response.output_text.delta", ...place, delta: text },
    { type: "response.output_text.done", ...place, text },
    { type: "response.content_part.done", ...place, part },
    done(0, { type: "message", content: [part] }),
  );
  expect(said).toBeGreaterThanOrEqual(64 * KIB);
  expect(said).toBeLessThan(66 * KIB);
});

test("what a vendor says only at an end is counted as well, for each item and part that is kept", () => {
  const items = [0, 1, 2].map((index) => done(index, { type: "web_search_call", found: text }));
  expect(charsOf(...items)).toBeGreaterThan(3 * 64 * KIB);
  const parts = [0, 1, 2].map((content_index) => ({
    type: "response.content_part.done",
    output_index: 0,
    content_index,
    part,
  }));
  expect(charsOf(added(0, { type: "message" }), ...parts)).toBeGreaterThan(3 * 64 * KIB);
  const beginnings = [0, 1, 2].map((index) => added(index, { type: "message", content: [part] }));
  expect(charsOf(...beginnings)).toBeGreaterThan(3 * 64 * KIB);
});

test("whoever goes on counts from the last number that is one, and has items at places that are some", () => {
  const { number, items } = eventsOf(
    { type: "response.created", sequence_number: 4, response: {} },
    '{"type":"response.output_item.added","sequence_number":1e400,"output_index":1e400,"item":{"type":"message"}}',
    '{"type":"response.output_item.added","sequence_number":1e300,"output_index":0.5,"item":{"type":"message"}}',
  ).state;
  expect(number).toBe(5);
  expect(items.map(({ index }) => index)).toEqual([0]);
});
