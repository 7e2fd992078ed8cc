import { expect, test } from "bun:test";
import { taskId } from "../../core/ids.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { Asked } from "../media/job-talk.ts";
import { findJob } from "./find-job.ts";
import { Failed, type Lane } from "./task-ends.ts";

const LOST: VendorFailure = { fault: "vendor", code: "vendor_unavailable", status: 0, message: "cut" };
const none: Asked = { kind: "unknown", failure: LOST };
const silent: Asked = { kind: "silent", failure: LOST };
const job: Asked = { kind: "running", job: { jobId: "j" }, askAgainMs: 1 };

/** Looks with these answers, the last one for ever; tells what was found and how long was waited. */
async function looked(...answers: readonly (Asked | undefined)[]) {
  const pauses: number[] = [];
  const left = [...answers];
  const find = async () => (left.length > 1 ? left.shift() : left[0]);
  // Only `find` is used of what talks with a vendor.
  const lane = { talk: { find } } as unknown as Lane;
  const ports = {
    pause: async (ms: number) => void pauses.push(ms),
    signal: new AbortController().signal,
  };
  const result = await findJob(ports, lane, taskId("task_1"), { options: {}, count: 1 }, LOST).catch(
    (thrown: unknown) => {
      if (thrown instanceof Failed) return thrown.loss === "all" ? "lost" : "failed";
      throw thrown;
    },
  );
  return [typeof result === "object" ? result.kind : (result ?? "none"), pauses];
}

test("a job that its vendor tells of only after a moment is found", async () => {
  expect(await looked(none, job)).toEqual(["running", [1_000, 2_000]]);
  expect(await looked(none, none, job)).toEqual(["running", [1_000, 2_000, 4_000]]);
});

test("a vendor that says three times, seven seconds long, that it has none never had it", async () => {
  expect(await looked(none)).toEqual(["none", [1_000, 2_000, 4_000]]);
  expect(await looked(silent, none)).toEqual(["none", [1_000, 1_000, 2_000, 4_000]]);
});

test("where it cannot be told, the job is taken for done and lost", async () => {
  expect(await looked(silent)).toEqual(["lost", [1_000, 1_000, 1_000, 1_000, 1_000]]);
  expect((await looked(none, none, silent, none))[0]).toBe("lost");
  expect(await looked(undefined)).toEqual(["lost", [1_000]]);
});
