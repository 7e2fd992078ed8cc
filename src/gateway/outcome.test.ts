import { expect, test } from "bun:test";
import { errorOf, outcomeOf, type StreamEnd } from "./outcome.ts";

const failure = { fault: "vendor", code: "vendor_unavailable", status: 200, message: "it broke" } as const;

test.each<[StreamEnd, string, string | undefined]>([
  [{ by: "marker" }, "completed", undefined],
  [{ by: "cut" }, "truncated", "stream_truncated"],
  [{ by: "clock", failure }, "truncated", "stream_truncated"],
  [{ by: "failure", failure }, "failed", "vendor_unavailable"],
  [{ by: "client" }, "cancelled", "request_cancelled"],
  [{ by: "node" }, "truncated", "stream_truncated"],
])("a stream that ended by %j is %s and tells %p", (end, outcome, code) => {
  expect(outcomeOf(end)).toBe(outcome as ReturnType<typeof outcomeOf>);
  expect(errorOf(end)?.code).toBe(code as never);
});
