import { describe, expect, test } from "bun:test";
import type { MediaRequest } from "../../core/media.ts";
import { mediaConformance } from "../media-conformance.suite.ts";
import { editRequest, MEDIA_SECRET, mediaAnswer, pictureRequest } from "../testing/media-fixtures.ts";
import { midjourney } from "./index.ts";
import { MIDJOURNEY } from "./testing/exchanges.ts";

mediaConformance(midjourney, MIDJOURNEY);

const BYTES = { kind: "bytes", bytes: Uint8Array.from([1, 2, 3]), contentType: "image/png" } as const;
const DATA = "data:image/png;base64,AQID";
const parent = { vendor: "mj", jobId: "77" };
const TARGET = { model: "midjourney", baseUrl: "https://proxy.test", secret: MEDIA_SECRET };

function said(request: MediaRequest, target: Parameters<typeof midjourney.submit>[1] = TARGET) {
  const { url, body, method, dropped } = midjourney.submit(request, target, "task_1");
  const { pathname } = new URL(url);
  return { path: pathname, method, body: JSON.parse(String(body ?? "{}")) as { prompt?: string }, dropped };
}
const doing = (action: string, more: object = {}, changes: Partial<MediaRequest> = {}): MediaRequest => {
  const { prompt: _, ...request } = editRequest({
    inputs: [],
    options: { midjourney: { action, ...more } },
    parent,
  });
  return { ...request, ...changes };
};

describe("a submission", () => {
  test("carries the secret in both ways, our mark, and where it is to be told", () => {
    const call = midjourney.submit(
      pictureRequest(),
      { ...TARGET, hookUrl: "https://us.test/hook/t" },
      "task_1",
    );
    expect(call.headers).toMatchObject({
      "mj-api-secret": MEDIA_SECRET,
      authorization: `Bearer ${MEDIA_SECRET}`,
    });
    expect(JSON.parse(String(call.body))).toEqual({
      prompt: "a cat",
      state: "task_1",
      notifyHook: "https://us.test/hook/t",
    });
    const open = midjourney.submit(pictureRequest(), { ...TARGET, secret: "" }, "task_1");
    expect(Object.keys(open.headers)).toEqual(["content-type"]);
  });

  test("says a size, a seed, a style and what shall not be there behind the words, unless they say it themselves", () => {
    const request = pictureRequest({
      size: { width: 1792, height: 1024 },
      seed: 7,
      negativePrompt: "dogs",
      style: "raw",
      quality: "high",
      format: "png",
    });
    const { body, dropped } = said(request);
    expect(body.prompt).toBe("a cat --ar 7:4 --no dogs --seed 7 --style raw");
    expect(dropped).toEqual(["quality", "output_format"]);
    const own = {
      ...request,
      prompt: "a cat --ar 2:3 --seed 1",
      options: { midjourney: { parameters: "--no cats" } },
    };
    expect(said(own).body.prompt).toBe("a cat --ar 2:3 --seed 1 --no cats --style raw");
  });

  test("has pictures in the prompt by their URL, and others beside it", () => {
    const url = { kind: "url", url: "https://x.test/a.png" } as const;
    const { body } = said(editRequest({ inputs: [url, BYTES], prompt: "like these" }));
    expect(body).toEqual({
      prompt: "https://x.test/a.png like these",
      base64Array: [DATA],
      state: "task_1",
    } as object);
  });

  test("goes to the speed that the request or the model's name says, and to a proxy with or without its /mj", () => {
    const turbo = pictureRequest({ options: { midjourney: { mode: "turbo" } } });
    expect(said(turbo).path).toBe("/mj-turbo/mj/submit/imagine");
    expect(said(pictureRequest(), { ...TARGET, model: "midjourney-relax" }).path).toBe(
      "/mj-relax/mj/submit/imagine",
    );
    expect(said(pictureRequest(), { ...TARGET, baseUrl: "https://proxy.test/x/mj" }).path).toBe(
      "/x/mj/submit/imagine",
    );
  });

  test.each<[string, MediaRequest, string, object]>([
    [
      "UPSCALE",
      doing("UPSCALE", { index: 2 }),
      "submit/change",
      { taskId: "77", action: "UPSCALE", index: 2 },
    ],
    ["REROLL", doing("REROLL"), "submit/change", { taskId: "77", action: "REROLL" }],
    [
      "ACTION",
      doing("ACTION", { customId: "MJ::x", enableRemix: true }),
      "submit/action",
      { taskId: "77", customId: "MJ::x", enableRemix: true },
    ],
    [
      "MODAL",
      doing("MODAL", {}, { prompt: "a hat", mask: BYTES }),
      "submit/modal",
      { taskId: "77", prompt: "a hat", maskBase64: DATA },
    ],
    [
      "BLEND",
      doing("BLEND", { dimensions: "PORTRAIT", botType: "NIJI_JOURNEY" }, { inputs: [BYTES, BYTES] }),
      "submit/blend",
      { base64Array: [DATA, DATA], dimensions: "PORTRAIT", botType: "NIJI_JOURNEY" },
    ],
    ["DESCRIBE", doing("DESCRIBE", {}, { inputs: [BYTES] }), "submit/describe", { base64: DATA }],
    ["SHORTEN", doing("SHORTEN", {}, { prompt: "many words" }), "submit/shorten", { prompt: "many words" }],
    [
      "EDIT",
      doing("EDIT", {}, { prompt: "a hat", inputs: [{ kind: "url", url: "https://x.test/a.png" }] }),
      "submit/edits",
      { prompt: "a hat", image: "https://x.test/a.png" },
    ],
    [
      "RETEXTURE",
      doing("RETEXTURE", {}, { prompt: "wood", inputs: [BYTES] }),
      "submit/retexture",
      { prompt: "wood", image: DATA },
    ],
    [
      "SWAP_FACE",
      doing("SWAP_FACE", {}, { inputs: [BYTES, BYTES] }),
      "insight-face/swap",
      { sourceBase64: DATA, targetBase64: DATA },
    ],
  ])("%s is asked at its own place", (_, request, path, body) => {
    expect(said(request)).toMatchObject({
      path: `/mj/${path}`,
      method: "POST",
      body: { ...body, state: "task_1" },
    });
  });

  test("a seed is asked for, and posts nothing", () => {
    expect(said(doing("IMAGE_SEED"))).toMatchObject({ path: "/mj/task/77/image-seed", method: "GET" });
  });

  test.each<[string, MediaRequest, string]>([
    ["too many pictures", pictureRequest({ count: 5 }), "n"],
    ["a mask where none is looked at", pictureRequest({ mask: BYTES }), "mask"],
    ["nothing to imagine", doing("IMAGINE"), "prompt"],
    ["an action that is none", doing("DANCE"), "action"],
    ["no index", doing("UPSCALE"), "index"],
    ["an index beyond the grid", doing("VARIATION", { index: 5 }), "index"],
    ["no button", doing("ACTION"), "customId"],
    ["odd dimensions", doing("BLEND", { dimensions: "ROUND" }, { inputs: [BYTES, BYTES] }), "dimensions"],
    ["one picture to blend", doing("BLEND", {}, { inputs: [BYTES] }), "base64Array"],
    ["two pictures to describe", doing("DESCRIBE", {}, { inputs: [BYTES, BYTES] }), "image"],
    ["one face", doing("SWAP_FACE", {}, { inputs: [BYTES] }), "sourceBase64"],
  ])("with %s is refused", (_, request, param) => {
    expect(() => midjourney.submit(request, TARGET, "m")).toThrow(
      expect.objectContaining({ code: "unsupported_parameter", detail: { param } }),
    );
  });

  test("that goes on from nothing is refused", () => {
    const { parent: _, ...orphan } = doing("REROLL");
    expect(() => midjourney.submit(orphan, TARGET, "m")).toThrow("task to go on from");
  });
});

test.each([
  ["MJ::JOB::upsample::2::abc", "upscale"],
  ["MJ::JOB::upsample_v7_2x_subtle::1::abc::SOLO", "upscale"],
  ["MJ::JOB::low_variation::1::abc", "variation"],
  ["MJ::JOB::reroll::0::abc", "reroll"],
  ["MJ::Inpaint::1::abc", "inpaint"],
  ["MJ::JOB::pan_left::1::abc", "pan"],
  ["MJ::Outpaint::50::1::abc", "zoom"],
  ["MJ::CustomZoom::abc", "zoom"],
  ["MJ::BOOKMARK::abc", "action"],
])("the button %s is priced as %s", (customId, variant) => {
  const request = doing("ACTION", { customId, mode: "turbo" });
  const state = midjourney.readSubmitted(request, mediaAnswer({ body: { code: 1, result: "9" } }));
  expect(state).toMatchObject({ kind: "running", job: { memo: { variant: `turbo/${variant}` } } });
});

test.each<[string, Partial<MediaRequest>, string]>([
  ["its prompt", { prompt: "a cat --ar 1:1 --turbo" }, "turbo/imagine"],
  ["a long dash in its prompt", { prompt: "a cat —TURBO" }, "turbo/imagine"],
  ["its parameters", { options: { midjourney: { parameters: "--v 7 --fast" } } }, "fast/imagine"],
  ["what it does not want", { negativePrompt: "dogs --turbo" }, "turbo/imagine"],
  [
    "the accounts that may serve it",
    { options: { midjourney: { accountFilter: { modes: ["RELAX", "TURBO"] } } } },
    "turbo/imagine",
  ],
  [
    "its path and, dearer, its prompt",
    { prompt: "a cat --turbo", options: { midjourney: { mode: "relax" } } },
    "turbo/imagine",
  ],
  ["words that only sound like one", { prompt: "a turbo engine, x--turbo, --turbocharged" }, "imagine"],
])("a speed that is chosen by %s is the one it is priced by", (_, wished, variant) => {
  const state = midjourney.readSubmitted(
    pictureRequest(wished),
    mediaAnswer({ body: { code: 1, result: "9" } }),
  );
  expect(state).toMatchObject({ kind: "running", job: { memo: { variant } } });
});

test("a picture's URL says nothing behind itself", () => {
  const url = { kind: "url", url: "https://x.test/a.png --turbo" } as const;
  const { body } = said(editRequest({ inputs: [url], prompt: "like this" }));
  expect(body.prompt).toBe("https://x.test/a.png%20--turbo like this");
});

test("only a code says that a job was taken back, and a message names a job and nothing more", () => {
  const said = (body: object | string) => midjourney.readCancelled?.(mediaAnswer({ body }));
  expect([said({ code: 1 }), said({ code: 3 }), said("<html>"), said("")]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  const body = Buffer.from(
    JSON.stringify({ id: "5", status: "SUCCESS", imageUrl: "https://evil.test/x.png" }),
  );
  expect(midjourney.hook?.read({ headers: new Headers(), body, secret: undefined })).toEqual({ jobId: "5" });
  expect(
    midjourney.hook?.read({ headers: new Headers(), body: Buffer.from("[]"), secret: undefined }),
  ).toBeUndefined();
});
