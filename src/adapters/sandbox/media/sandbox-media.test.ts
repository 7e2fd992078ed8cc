import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../../core/manual-clock.ts";
import type { MediaRequest } from "../../../core/media.ts";
import { NO_USAGE } from "../../../core/usage.ts";
import type { JobState, MediaCall } from "../../media-adapter.ts";
import { mediaConformance } from "../../media-conformance.suite.ts";
import { editRequest, MEDIA_SECRET, pictureRequest } from "../../testing/media-fixtures.ts";
import { createSandboxMedia } from "./adapter.ts";
import { MEDIA_FAILURES } from "./settings.ts";

const clock = new ManualClock();
const sandbox = createSandboxMedia(clock);
const TARGET = { model: "sandbox-image", baseUrl: "sandbox://local/v1", secret: MEDIA_SECRET };

async function say(call: MediaCall, signal = new AbortController().signal) {
  const sent = sandbox.transport?.(call, signal);
  if (sent === undefined) throw new Error("the sandbox has its own transport");
  const response = await sent;
  return {
    status: response.status,
    headers: response.headers,
    body: await response.bytes(),
    secret: MEDIA_SECRET,
  };
}

async function submitted(request: MediaRequest, mark = "mark"): Promise<JobState> {
  return sandbox.readSubmitted(request, await say(sandbox.submit(request, TARGET, mark)));
}

const drawn = (changes: Partial<MediaRequest> = {}) =>
  pictureRequest({ ...changes, options: { sandbox: { ms: 0 } } });

async function pictureOf(request: MediaRequest) {
  const state = await submitted(request);
  const picture = state.kind === "done" ? state.result.pictures[0] : undefined;
  if (picture?.kind !== "bytes") throw new Error(`no picture: ${JSON.stringify(state)}`);
  return picture;
}

mediaConformance(sandbox, {
  exchanges: [
    {
      name: "a job",
      origin: "recorded",
      step: "submitted",
      answer: { body: { id: "job-1-1", status: "running", progress: 0, ask_again_ms: 200 } },
      expected: { kind: "running", job: { jobId: "job-1-1" }, progress: 0, askAgainMs: 200 },
    },
    {
      name: "two pictures, one of them refused",
      origin: "recorded",
      step: "polled",
      answer: {
        body: {
          status: "done",
          data: [{ b64_json: "iVBORw==" }, { error: { code: "content_policy_violation", message: "no" } }],
          usage: { images: 1 },
        },
      },
      expected: { kind: "done", result: { usage: { ...NO_USAGE, images: 1 } } },
    },
    {
      name: "no such mark",
      origin: "recorded",
      step: "found",
      answer: { body: { found: false } },
      expected: { kind: "unknown" },
    },
  ],
  errors: [
    {
      name: "500",
      origin: "recorded",
      status: 500,
      body: { error: { message: "The server broke for $KEY.", type: "server_error", code: null } },
      fault: "vendor",
      code: "vendor_unavailable",
    },
    {
      name: "a job that failed",
      origin: "recorded",
      step: "polled",
      body: { id: "j", status: "failed", error: { code: "content_policy_violation", message: "no" } },
      fault: "request",
      code: "content_policy_violation",
    },
  ],
});

describe("the sandbox draws", () => {
  test("a PNG of the size that was asked for, the same each time", async () => {
    const request = drawn({ prompt: "Hello, world 42", size: { width: 320, height: 200 } });
    const one = await pictureOf(request);
    expect(one.contentType).toBe("image/png");
    expect(await new Bun.Image(one.bytes).metadata()).toMatchObject({
      width: 320,
      height: 200,
      format: "png",
    });
    expect(Buffer.from((await pictureOf(request)).bytes).equals(one.bytes)).toBe(true);
    const other = await pictureOf(drawn({ prompt: "Hello, world 43", size: { width: 320, height: 200 } }));
    expect(Buffer.from(other.bytes).equals(one.bytes)).toBe(false);
  });

  test.each(["jpeg", "webp"] as const)("%s when that is asked for", async (format) => {
    const picture = await pictureOf(drawn({ format }));
    expect(picture.contentType).toBe(`image/${format}`);
    expect((await new Bun.Image(picture.bytes).metadata()).format).toBe(format);
  });

  test("letters of every script in any size, however long the words are", async () => {
    for (const size of [
      { width: 16, height: 16 },
      { width: 700, height: 90 },
    ]) {
      const { bytes } = await pictureOf(drawn({ prompt: "猫 кот 🐈 ".repeat(300), size }));
      expect(await new Bun.Image(bytes).metadata()).toMatchObject(size);
      expect((await new Bun.Image(bytes).resize(16, 16).jpeg().bytes()).byteLength).toBeGreaterThan(0);
    }
  });

  test("several pictures that differ, and other ones from other pictures", async () => {
    const state = await submitted(drawn({ count: 3 }));
    if (state.kind !== "done") throw new Error(state.kind);
    expect(new Set(state.result.pictures.map((picture) => JSON.stringify(picture))).size).toBe(3);
    expect(state.result.usage?.images).toBe(3);
    const options = { sandbox: { ms: 0 } };
    const from = (url: string) => pictureOf(editRequest({ inputs: [{ kind: "url", url }], options }));
    expect((await from("https://a.test/1.png")).bytes).not.toEqual(
      (await from("https://a.test/2.png")).bytes,
    );
  });
});

describe("the sandbox as a vendor that is asked again", () => {
  test("tells its progress, outlives its process, and is done when its time is over", async () => {
    const request = pictureRequest({ prompt: "a cat [[sandbox async ms=1000]]" });
    const state = await submitted(request, "m-1");
    if (state.kind !== "running") throw new Error(state.kind);
    await await clock.advance(500);
    // What asks is another process: all it has is the job as it was written down.
    const later = createSandboxMedia(clock);
    const ask = async () => {
      const call = later.poll?.(state.job, TARGET);
      return call && later.readPolled?.(state.job, await say(call));
    };
    expect(await ask()).toMatchObject({ kind: "running", progress: 0.5, askAgainMs: 200 });
    await await clock.advance(500);
    expect(await ask()).toMatchObject({ kind: "done", result: { usage: { images: 1 } } });
  });

  test("knows a job by its mark whose answer was lost", async () => {
    const request = pictureRequest({ prompt: "[[sandbox fail=lost async]] x" });
    await expect(say(sandbox.submit(request, TARGET, "m-2"))).rejects.toThrow("reset");
    const find = async (mark: string) => {
      const call = sandbox.find?.(mark, TARGET);
      return call && sandbox.readFound?.(mark, await say(call), request);
    };
    expect(await find("m-2")).toMatchObject({ kind: "running" });
    expect(await find("m-3")).toEqual({ kind: "unknown" });
  });

  test("can be told to fail in every way that it knows", async () => {
    for (const fail of MEDIA_FAILURES) {
      if (fail === "hang" || fail === "lost" || fail === "refused") continue;
      const isJob = fail === "job" || fail === "job_content" || fail === "forgotten";
      const request = pictureRequest({ options: { sandbox: { fail, ms: 0, async: isJob } } });
      const state = await submitted(request);
      const call = state.kind === "running" ? sandbox.poll?.(state.job, TARGET) : undefined;
      const last =
        state.kind === "running" && call !== undefined
          ? sandbox.readPolled?.(state.job, await say(call))
          : state;
      expect([fail, last?.kind]).toEqual([fail, "failed"]);
    }
  });
});
