import { systemClock } from "../core/clock.ts";
import { createInProcessMessageLog } from "./in-process-message-log.ts";
import { messageLogSuite } from "./message-log.suite.ts";

messageLogSuite("in the process", async () => {
  const log = createInProcessMessageLog(systemClock);
  return { log, other: log, pass: (ms) => Bun.sleep(ms), close: async () => {} };
});
