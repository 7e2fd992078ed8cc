import { ManualClock } from "../core/manual-clock.ts";
import { createInProcessKeyValue } from "./in-process-key-value.ts";
import { keyValueSuite } from "./key-value.suite.ts";

keyValueSuite("in one process", async (ageMs) => {
  const clock = new ManualClock();
  const store = createInProcessKeyValue(clock, ageMs);
  return { store, other: store, pass: (ms) => clock.advance(ms), close: async () => {} };
});
