import { describe, expect, test } from "bun:test";
import { pictureRequest } from "../../adapters/testing/media-fixtures.ts";
import { NO_USAGE, type Usage } from "../../core/usage.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { type Part, type Submitted, sendParts, sharesOf } from "./several-calls.ts";

const FAILURE: VendorFailure = {
  fault: "request",
  code: "content_policy_violation",
  status: 400,
  message: "It goes against the policy.",
};
const refused: Submitted = { kind: "refused", failure: FAILURE };
const lost: Submitted = { kind: "lost", failure: { ...FAILURE, code: "vendor_unavailable", message: "cut" } };
const running: Submitted = {
  kind: "taken",
  state: { kind: "running", job: { jobId: "j" }, askAgainMs: 1 },
};
const made = (name: string, usage: Usage | "untold" = { ...NO_USAGE, images: 1 }): Submitted => ({
  kind: "taken",
  state: {
    kind: "done",
    result: {
      pictures: [{ kind: "url", url: `https://a.test/${name}` }],
      usage: usage === "untold" ? undefined : usage,
      extra: { revised_prompt: name },
    },
  },
});

const partsOf = (count: number): readonly Part[] =>
  sharesOf(pictureRequest({ count }), 1).map((request) => ({
    request,
    call: { method: "POST", url: "https://a.test/", headers: {} },
  }));

async function sent(...results: readonly Submitted[]): Promise<Submitted> {
  const waiting = [...results];
  return sendParts(partsOf(results.length), async () => waiting.shift() ?? lost);
}

describe("a request in parts", () => {
  test("is shared out among the calls that it needs, and its seed counted on", () => {
    const request = pictureRequest({ count: 5, seed: 7 });
    expect(sharesOf(request, 2).map(({ count, seed }) => [count, seed])).toEqual([
      [2, 7],
      [2, 8],
      [1, 9],
    ]);
    expect(sharesOf(request, undefined)).toEqual([request]);
    expect(sharesOf(request, 5)).toEqual([request]);
  });

  test("is sent a few parts at a time, and answered in its order", async () => {
    let running = 0;
    let most = 0;
    const result = await sendParts(partsOf(10), async ({ request }) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      return made(String(request.count));
    });
    expect(most).toBe(4);
    if (result.kind !== "taken" || result.state.kind !== "done") throw new Error(result.kind);
    expect(result.state.result.pictures).toHaveLength(10);
    expect(result.state.result.usage).toEqual({ ...NO_USAGE, images: 10 });
  });

  test("stops at the first that is not taken", async () => {
    let calls = 0;
    const result = await sendParts(partsOf(10), async () => {
      calls += 1;
      return refused;
    });
    expect([calls, result]).toEqual([4, refused]);
  });
});

describe("what several calls amount to", () => {
  test("is the pictures that were made, beside those that were refused", async () => {
    const result = await sent(made("a"), refused, made("b"));
    expect(result).toMatchObject({
      kind: "taken",
      state: {
        kind: "done",
        result: {
          pictures: [{ kind: "url" }, { kind: "refused", code: FAILURE.code }, { kind: "url" }],
          usage: { images: 2 },
          extra: { revised_prompt: "a" },
        },
      },
    });
  });

  test("says how many pictures a lost call may have made besides", async () => {
    const result = await sent(made("a"), lost, refused, running);
    expect(result).toMatchObject({ kind: "taken", state: { kind: "done", result: { lost: 2 } } });
    expect(await sent(made("a"), refused)).not.toMatchObject({ state: { result: { lost: 1 } } });
  });

  test("is not counted where one of them is not", async () => {
    const result = await sent(made("a"), made("b", "untold"));
    if (result.kind !== "taken" || result.state.kind !== "done") throw new Error(result.kind);
    expect(result.state.result.usage).toBeUndefined();
  });

  test.each([
    ["refused where all were", [refused, refused], "refused"],
    ["lost where one may have been done", [refused, lost], "lost"],
    ["lost where one runs on, of which nobody would ask", [refused, running], "lost"],
    ["one job's own answer where there is one call", [running], "taken"],
  ] as const)("is %s", async (_, results, kind) => {
    expect((await sent(...results)).kind).toBe(kind);
  });
});
