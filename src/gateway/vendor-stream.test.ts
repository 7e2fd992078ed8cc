import { expect, test } from "bun:test";
import { openai } from "../adapters/openai/index.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { NOT_YET } from "../core/poll.ts";
import { Attempt } from "./attempt.ts";
import { Deadlines } from "./deadlines.ts";
import { parseChat } from "./requests/chat.ts";
import { DONE, delta, FINISH, runRoute } from "./testing/run-world.ts";
import { VendorStream } from "./vendor-stream.ts";

test("a connection that stays open behind the end marker is given up, and its reader is not taken for stalled", async () => {
  const clock = new ManualClock();
  const route = runRoute("v", openai, { input: 1n, output: 10n });
  const attempt = new Attempt(route, { id: "k", secret: "s", weight: 1 }, new Deadlines(clock), true);
  let isStalled = false;
  attempt.onReaderStalled = () => {
    isStalled = true;
  };
  const reads = [delta("Hel"), delta("lo") + FINISH + DONE].map((text) => new TextEncoder().encode(text));
  const response = { poll: () => reads.shift() ?? NOT_YET, whenReady() {}, cancel() {} };
  const body = { model: "m", messages: [{ role: "user", content: "hi" }], stream: true };
  const stream = new VendorStream(attempt, response, parseChat(body, 40), "events");
  // Read one behind the other: the reader was the last that was waited for.
  stream.poll();
  stream.poll();
  expect(stream.end).toEqual({ by: "marker" });
  await clock.advance(2_000);
  expect(attempt.signal.aborted).toBe(true);
  expect(isStalled).toBe(false);
});
