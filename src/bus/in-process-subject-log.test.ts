import { expect, test } from "bun:test";
import { createInProcessSubjectLog } from "./in-process-subject-log.ts";
import { subjectLogSuite } from "./subject-log.suite.ts";

subjectLogSuite("in one process", async () => {
  const log = createInProcessSubjectLog();
  return { log, other: log, close: () => Promise.resolve() };
});

test("what goes wrong after a message was taken leaves it taken", async () => {
  const log = createInProcessSubjectLog();
  log.trouble = { when: "after", error: new Error("no answer") };
  await expect(log.append("a", new Uint8Array([1]), 0)).rejects.toThrow("no answer");
  expect((await log.last("a"))?.message).toEqual(new Uint8Array([1]));
});
