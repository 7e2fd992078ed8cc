import type { MediaErrorFixture, MediaExchange, MediaFixtures } from "../../testing/media-fixtures.ts";
import { editRequest, pictureRequest } from "../../testing/media-fixtures.ts";

/**
 * `recorded`: examples in the documentation of novicezk/midjourney-proxy, which are answers of a running one; `constructed`:
 * from its source, that of trueai-org/midjourney-proxy, and of Calcium-Ion/new-api.
 */

const job = { jobId: "14001929738841620", memo: { action: "IMAGINE", variant: "imagine", count: 1 } };
const TASK = {
  id: "14001929738841620",
  action: "IMAGINE",
  status: "SUCCESS",
  prompt: "猫猫",
  promptEn: "Cat",
  description: "/imagine 猫猫",
  state: null,
  submitTime: 1_689_231_405_854,
  startTime: 1_689_231_442_755,
  finishTime: 1_689_231_544_312,
  progress: "100%",
  imageUrl: "https://cdn.discordapp.test/attachments/x/x/x.png",
  failReason: null,
  properties: { finalPrompt: "Cat" },
};
const mjTaskFixture = (changes: object = {}) => ({ ...TASK, ...changes });

const BUTTON = { customId: "MJ::JOB::upsample::1::0a1b", emoji: "", label: "U1", type: 2, style: 2 };
const PARENT = { vendor: "mj", jobId: "1" };
const asked = (action: string, more: object = {}) =>
  editRequest({ inputs: [], parent: PARENT, options: { midjourney: { action, ...more } } });

const polled = (
  name: string,
  changes: object,
  expected: MediaExchange["expected"],
  memo: object = {},
): MediaExchange => ({
  name,
  origin: "constructed",
  step: "polled",
  job: { ...job, memo: { ...job.memo, ...memo } },
  answer: { body: mjTaskFixture(changes) },
  expected,
});

const code = (
  name: string,
  body: object,
  fault: MediaErrorFixture["fault"],
  errorCode: MediaErrorFixture["code"],
  more: Partial<MediaErrorFixture> = {},
): MediaErrorFixture => ({ name, origin: "constructed", body, fault, code: errorCode, ...more });
const failed = (failReason: string | null) => mjTaskFixture({ status: "FAILURE", progress: "", failReason });

export const MIDJOURNEY: MediaFixtures = {
  exchanges: [
    {
      name: "submitted",
      origin: "recorded",
      step: "submitted",
      answer: {
        body: {
          code: 1,
          description: "提交成功",
          result: "1689231405853400",
          properties: { discordInstanceId: "1118138338562560102" },
        },
      },
      expected: {
        kind: "running",
        job: { jobId: "1689231405853400", memo: { action: "IMAGINE", variant: "imagine", count: 1 } },
        askAgainMs: 5_000,
      },
    },
    {
      name: "queued",
      origin: "recorded",
      step: "submitted",
      answer: {
        body: {
          code: 22,
          description: "排队中，前面还有1个任务",
          result: "0741798445574458",
          properties: { numberOfQueues: 1 },
        },
      },
      expected: { kind: "running", job: { jobId: "0741798445574458" } },
    },
    {
      name: "made before",
      origin: "recorded",
      step: "submitted",
      request: asked("UPSCALE", { index: 1 }),
      answer: {
        body: {
          code: 21,
          description: "任务已存在",
          result: "0741798445574458",
          properties: { status: "SUCCESS", imageUrl: "https://cdn.test/a.png" },
        },
      },
      expected: {
        kind: "done",
        job: { jobId: "0741798445574458" },
        result: { pictures: [{ kind: "url" }], usage: { images: 1, imageVariants: { upscale: 1 } } },
      },
    },
    {
      name: "being made already",
      origin: "constructed",
      step: "submitted",
      answer: {
        body: { code: 21, description: "任务已存在", result: "7", properties: { status: "IN_PROGRESS" } },
      },
      expected: { kind: "running", job: { jobId: "7" } },
    },
    {
      name: "a window to be confirmed",
      origin: "constructed",
      step: "submitted",
      request: asked("ACTION", { customId: "MJ::Inpaint::1::x" }),
      answer: {
        body: {
          code: 21,
          description: "Waiting for window confirm",
          result: "8",
          properties: { finalPrompt: "Cat --v 7", remix: true },
        },
      },
      expected: {
        kind: "done",
        job: { jobId: "8", memo: { variant: "inpaint" } },
        result: {
          pictures: [],
          isWithoutPictures: true,
          usage: { images: 0 },
          extra: { midjourney: { status: "MODAL" } },
        },
      },
    },
    {
      name: "a seed",
      origin: "constructed",
      step: "submitted",
      request: asked("IMAGE_SEED"),
      answer: { body: { code: 1, description: "ok", result: "3141592653" } },
      expected: {
        kind: "done",
        result: { extra: { midjourney: { seed: "3141592653" } }, usage: { images: 0 } },
      },
    },
    {
      name: "a task that is done",
      origin: "recorded",
      step: "polled",
      job,
      answer: { body: mjTaskFixture() },
      expected: {
        kind: "done",
        job,
        result: {
          pictures: [{ kind: "url", url: TASK.imageUrl }],
          usage: { images: 1, imageVariants: { imagine: 1 } },
          extra: {
            midjourney: { action: "IMAGINE", prompt: "猫猫", promptEn: "Cat" },
            revised_prompt: "Cat",
          },
        },
      },
    },
    polled("nothing of it yet", { status: null, progress: null }, { kind: "running", askAgainMs: 5_000 }),
    polled("not begun", { status: "NOT_START", progress: "0%" }, { kind: "running" }),
    polled("sent on", { status: "SUBMITTED", progress: "0%" }, { kind: "running" }),
    polled(
      "a third of it, with a preview",
      { status: "IN_PROGRESS", progress: "35%" },
      { kind: "running", progress: 0.35, askAgainMs: 3_000 },
    ),
    polled(
      "waiting for an answer",
      { status: "MODAL" },
      { kind: "done", result: { pictures: [], usage: { images: 0 } } },
    ),
    polled("cancelled", { status: "CANCEL" }, { kind: "cancelled" }),
    polled("a state that is not known", { status: "DREAMING" }, { kind: "failed", mayHaveRun: true }),
    polled("done without a picture", { imageUrl: null }, { kind: "failed", mayHaveRun: true }),
    polled(
      "the four of a grid, which were asked for",
      {
        imageUrls: [1, 2, 3, 4].map((at) => ({ url: `https://cdn.test/${at}.png`, thumbnail: "" })),
        buttons: [BUTTON, {}],
      },
      {
        kind: "done",
        result: {
          pictures: [{ url: "https://cdn.test/1.png" }, {}, {}],
          usage: { images: 1 },
          extra: { midjourney: { buttons: [BUTTON] } },
        },
      },
      { count: 3 },
    ),
    polled(
      "the grid, where single ones are not cut",
      {},
      { kind: "done", result: { pictures: [{ url: TASK.imageUrl }], usage: { images: 1 } } },
      { count: 4 },
    ),
    polled(
      "a description",
      { action: "DESCRIBE", imageUrl: null, properties: { finalPrompt: "1️⃣ a cat\n\n2️⃣ a dog" } },
      {
        kind: "done",
        result: {
          pictures: [],
          isWithoutPictures: true,
          usage: { images: 1, imageVariants: { describe: 1 } },
          extra: { midjourney: { finalPrompt: "1️⃣ a cat\n\n2️⃣ a dog" } },
        },
      },
      { action: "DESCRIBE", variant: "describe" },
    ),
    {
      name: "an unknown task",
      origin: "recorded",
      step: "polled",
      job,
      answer: { body: "" },
      expected: { kind: "unknown" },
    },
    {
      name: "an unknown task as null",
      origin: "constructed",
      step: "polled",
      job,
      answer: { body: "null" },
      expected: { kind: "unknown" },
    },
    {
      name: "a job found by its mark",
      origin: "constructed",
      step: "found",
      request: pictureRequest({ count: 2 }),
      answer: { body: [mjTaskFixture(), mjTaskFixture({ id: "55", state: "mark", status: "IN_PROGRESS" })] },
      expected: { kind: "running", job: { jobId: "55", memo: { count: 2, action: "IMAGINE" } } },
    },
    {
      name: "a list that tells marks, and not this one",
      origin: "constructed",
      step: "found",
      answer: { body: [mjTaskFixture({ state: "task_abc123" })] },
      expected: { kind: "unknown" },
    },
    {
      name: "a list that tells no marks",
      origin: "constructed",
      step: "found",
      answer: { body: [mjTaskFixture()] },
      expected: { kind: "failed", mayHaveRun: true },
    },
    {
      name: "an empty list",
      origin: "constructed",
      step: "found",
      answer: { body: [] },
      expected: { kind: "failed", mayHaveRun: true },
    },
  ],
  errors: [
    code("no account", { code: 3, description: "无可用的账号实例" }, "vendor", "vendor_unavailable"),
    code("no such parent", { code: 3, description: "关联任务不存在或已失效" }, "request", "not_found", {
      request: asked("REROLL"),
    }),
    code("no such parent, with 404", { code: 3, description: "gone" }, "request", "not_found", {
      request: asked("REROLL"),
      status: 404,
    }),
    code("validation", { code: 4, description: "prompt不能为空" }, "request", "invalid_request"),
    code(
      "a gateway's trouble",
      { code: 5, description: "do_request_failed $KEY" },
      "vendor",
      "vendor_unavailable",
      {
        mayHaveRun: true,
      },
    ),
    code("system", { code: 9, description: "系统异常" }, "vendor", "vendor_unavailable"),
    code("full", { code: 23, description: "队列已满，请稍后尝试" }, "account", "rate_limit_exceeded"),
    code(
      "banned",
      { code: 24, description: "可能包含敏感词", properties: { promptEn: "nude body", bannedWord: "nude" } },
      "request",
      "content_policy_violation",
    ),
    code("a code of its own", { code: 30, description: "quota $KEY" }, "vendor", "vendor_unavailable"),
    code(
      "a code of its own about words",
      { code: 30, description: "banned prompt" },
      "request",
      "content_policy_violation",
    ),
    {
      name: "a wrong secret",
      origin: "constructed",
      status: 401,
      body: "",
      fault: "key",
      code: "vendor_rejected",
    },
    {
      name: "an address on a list",
      origin: "constructed",
      status: 403,
      body: "",
      fault: "key",
      code: "vendor_rejected",
    },
    {
      name: "too many calls",
      origin: "constructed",
      status: 429,
      body: "",
      fault: "account",
      code: "rate_limit_exceeded",
    },
    {
      name: "a proxy that broke",
      origin: "constructed",
      status: 502,
      body: "<html><title>502</title></html>",
      fault: "vendor",
      code: "vendor_unavailable",
      mayHaveRun: true,
    },
    ...(
      [
        ["[Invalid parameter] --ar 0:0", "request", "invalid_request"],
        ["[Banned prompt detected] nude", "request", "content_policy_violation"],
        ["Your job queue is full", "account", "rate_limit_exceeded"],
        ["Subscription required", "vendor", "vendor_unavailable"],
        ["[Internal Server Error] $KEY", "vendor", "vendor_unavailable"],
        ["任务超时", "vendor", "vendor_timeout"],
        [null, "vendor", "vendor_unavailable"],
      ] as const
    ).map(
      ([reason, fault, errorCode]): MediaErrorFixture => ({
        name: `a job that failed: ${reason}`,
        origin: "constructed",
        step: "polled",
        body: failed(reason),
        fault,
        code: errorCode,
      }),
    ),
  ],
};
