import { describe, expect, test } from "bun:test";
import type { JobState, MediaAdapter, MediaTransport } from "../../adapters/media-adapter.ts";
import { pictureRequest } from "../../adapters/testing/media-fixtures.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { Deadlines } from "../deadlines.ts";
import { routeOf } from "../testing/fixtures.ts";
import { JobTalk } from "./job-talk.ts";

const KEY = { id: "k", secret: "sk-secret", weight: 1 };
const NEVER_ABORTED = new AbortController().signal;
const FAILURE: VendorFailure = {
  fault: "vendor",
  code: "vendor_unavailable",
  status: 500,
  message: "broken",
};
const job = { jobId: "j" };

/** A vendor that answers as the status says, and reads its answers as `state`. */
function talk(answer: number | Error, state: JobState, changes: Partial<MediaAdapter> = {}): JobTalk {
  const call = { method: "POST", url: "http://vendor.test/", headers: {} } as const;
  const adapter: MediaAdapter = {
    name: "sandbox",
    operations: new Set(["image"]),
    resubmission: "never",
    submit: () => call,
    readSubmitted: () => state,
    poll: () => call,
    readPolled: () => state,
    ...changes,
  };
  const mediaNetwork: MediaTransport = async () => {
    if (answer instanceof Error) throw answer;
    return new Response("{}", { status: answer });
  };
  const route = {
    ...routeOf("v", { input: 0n, output: 0n }),
    media: { adapter, baseUrl: "http://vendor.test" },
  };
  return new JobTalk({ mediaNetwork, deadlines: new Deadlines(new ManualClock()) }, route, KEY);
}
const submitted = async (from: JobTalk) => {
  const submission = from.submissionOf(pictureRequest(), "mark");
  if ("fault" in submission) throw new Error(submission.message);
  return (await from.submit(submission, NEVER_ABORTED)).kind;
};
const refusedConnection = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
const cutConnection = Object.assign(new Error("reset"), { code: "ECONNRESET" });

describe("a submission", () => {
  const failed: JobState = { kind: "failed", failure: FAILURE };
  test.each<[string, number | Error, JobState, MediaAdapter["resubmission"], string]>([
    ["that is taken", 200, { kind: "running", job, askAgainMs: 1 }, "never", "taken"],
    ["that the vendor refuses", 500, failed, "never", "refused"],
    ["that the vendor may have begun", 500, { ...failed, mayHaveRun: true }, "never", "lost"],
    ["that it may have begun, where twice is once", 500, { ...failed, mayHaveRun: true }, "safe", "refused"],
    ["that reached nobody", refusedConnection, failed, "never", "refused"],
    ["whose connection broke", cutConnection, failed, "never", "lost"],
    ["whose connection broke, where twice is once", cutConnection, failed, "safe", "refused"],
    ["that is cancelled at once", 200, { kind: "cancelled" }, "never", "refused"],
  ])("%s", async (_, answer, state, resubmission, kind) => {
    expect(await submitted(talk(answer, state, { resubmission }))).toBe(kind as never);
  });

  test("that cannot be expressed is no call, and blames nobody's health", () => {
    const wordless = talk(
      200,
      { kind: "cancelled" },
      {
        submit() {
          throw new Error("nested too deeply");
        },
      },
    );
    expect(wordless.submissionOf(pictureRequest(), "mark")).toMatchObject({ fault: "request" });
  });
});

describe("a question about a job", () => {
  const failed: JobState = { kind: "failed", failure: FAILURE };
  test.each<[string, number | Error, JobState, string]>([
    ["is answered with its state", 200, { kind: "running", job, askAgainMs: 1 }, "running"],
    ["tells that the job failed", 200, failed, "failed"],
    ["that itself fails says nothing of the job", 503, failed, "silent"],
    ["that is refused says nothing of the job", 401, failed, "silent"],
    ["whose answer cannot be read says nothing of the job", 200, { ...failed, mayHaveRun: true }, "silent"],
    ["whose connection broke says nothing of the job", cutConnection, failed, "silent"],
    ["about a job that is not there", 404, failed, "unknown"],
  ])("%s", async (_, answer, state, kind) => {
    expect((await talk(answer, state).ask(job, NEVER_ABORTED)).kind).toBe(kind as never);
  });

  test("that is looked for by a call that the vendor does not have may be there all the same", async () => {
    const find = () => ({ method: "GET", url: "http://vendor.test/", headers: {} }) as const;
    const failed: JobState = { kind: "failed", failure: { ...FAILURE, status: 404 } };
    const found = (answer: number, state: JobState | { readonly kind: "unknown" }) =>
      talk(answer, failed, { find, readFound: () => state }).find(
        "mark",
        { count: 1, options: {} },
        NEVER_ABORTED,
      );
    expect((await found(404, failed))?.kind).toBe("silent");
    expect((await found(200, { kind: "unknown" }))?.kind).toBe("unknown");
    expect((await talk(404, failed).ask(job, NEVER_ABORTED)).kind).toBe("unknown");
  });

  test("that the vendor cannot be asked ends the job as one that may have run", async () => {
    const deaf = talk(200, { kind: "cancelled" }, { poll: undefined, readPolled: undefined } as never);
    expect(await deaf.ask(job, NEVER_ABORTED)).toMatchObject({ kind: "failed", mayHaveRun: true });
    expect(await deaf.find("mark", pictureRequest(), NEVER_ABORTED)).toBeUndefined();
    expect(await deaf.cancel(job, NEVER_ABORTED)).toBe(false);
  });
});
