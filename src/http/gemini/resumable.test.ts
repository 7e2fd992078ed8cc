import { expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { requestId, streamId, tenantId, vendorId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { Final } from "../../gateway/gateway.ts";
import type { StreamAbout } from "../../gateway/streams/entry.ts";
import { responsesTeller, toldAsResponses } from "./resumable.ts";

const about: StreamAbout = {
  streamId: streamId("str_a"),
  requestId: requestId("req_a"),
  tenant: tenantId("t"),
  operation: "chat",
  vendor: vendorId("v"),
  vendorModel: "m",
  attempts: 1,
  created: 1,
  includeUsage: false,
  told: toldAsResponses(true),
};
const FINAL: Final = {
  outcome: "completed",
  finishReason: "stop",
  usage: { ...NO_USAGE, input: 1, output: 2 },
  cost: micropointsOf(9n),
  vendor: vendorId("v"),
};

function tell(after: number, final: Final = FINAL): string {
  const teller = responsesTeller(about, after);
  const end = { type: "done", seq: 9, final, finishes: [] } as const;
  return [
    teller.begin(),
    teller.write([{ kind: "reasoning", text: "Hm." }]),
    teller.write([{ kind: "call", call: 0, id: "x", name: "f", arguments: '{"a"' }]),
    teller.write([{ kind: "text", text: "one" }]),
    teller.write([{ kind: "call", call: 0, arguments: ":1}" }]),
    teller.end(end),
  ].join("");
}

const ids = (told: string) => [...told.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

test("a reader is told responses with numbers, from the beginning or behind the last that it has", () => {
  const whole = tell(0);
  expect(ids(whole)).toEqual([1, 2, 3]);
  expect(whole).toContain('{"text":"Hm.","thought":true}');
  expect(whole).toContain('"functionCall":{"id":"x","name":"f","args":{"a":1}}');
  expect(whole.indexOf(": sluice")).toBeLessThan(whole.indexOf("id: 3"));
  expect(whole.endsWith(tell(2))).toBe(true);
  expect(ids(tell(2))).toEqual([3]);
  expect(tell(3)).toBe(tell(2));
});

test("a stream that broke off is told its error before the comment, and no end", () => {
  const error = new SluiceError("stream_truncated", "It broke.");
  const told = tell(0, { ...FINAL, outcome: "truncated", error });
  expect(ids(told)).toEqual([1, 2, 3]);
  expect(told).not.toContain("finishReason");
  expect(told.indexOf('"UNAVAILABLE"')).toBeLessThan(told.indexOf(": sluice"));
});
