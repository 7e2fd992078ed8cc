import { expect, test } from "bun:test";
import { requestId } from "../../../core/ids.ts";
import { OwnEvents } from "./own-events.ts";

const KIB = 1024;
const frame = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;

/** UTF-16 units that are counted of a vendor's events: the answer is stopped when there are too many. */
function charsOf(...events: readonly object[]): number {
  const request = {
    body: {},
    previous: undefined,
    store: true,
    summarizes: false,
    include: new Set<never>(),
  };
  const own = new OwnEvents({ requestId: requestId("req_a"), createdAt: 1, model: "m", request });
  for (const event of events) own.pass(Buffer.from(frame(event)));
  return own.chars;
}

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
