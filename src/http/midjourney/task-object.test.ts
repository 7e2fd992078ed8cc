import { describe, expect, test } from "bun:test";
import { keyId, requestId, taskId, tenantId } from "../../core/ids.ts";
import type { Task } from "../../core/task.ts";
import { midjourneyTask } from "./task-object.ts";

const TASK: Task = {
  id: taskId("task_1"),
  tenant: tenantId("t"),
  key: keyId("k"),
  operation: "image",
  model: "midjourney",
  state: "queued",
  progress: undefined,
  vendor: undefined,
  vendorModel: undefined,
  charge: requestId("req_1"),
  isCancelWanted: false,
  metadata: undefined,
  about: { action: "IMAGINE", prompt: "a cat", state: "mine" },
  webhook: undefined,
  error: undefined,
  result: undefined,
  usage: undefined,
  cost: undefined,
  createdAt: 1_000,
  startedAt: undefined,
  endedAt: undefined,
  expiresAt: undefined,
};
const NO_STORE = { find: () => Promise.resolve(undefined), link: () => "" };
const shown = (changes: Partial<Task> = {}) =>
  midjourneyTask(NO_STORE, { ...TASK, ...changes }, "https://us.test");

describe("a task as the protocol has it", () => {
  test.each<[Partial<Task>, object]>([
    [{}, { status: "NOT_START", progress: "0%" }],
    [{ state: "submitting" }, { status: "SUBMITTED", progress: "0%" }],
    [
      { state: "running", progress: 0.356 },
      { status: "IN_PROGRESS", progress: "35%" },
    ],
    [{ state: "storing" }, { status: "IN_PROGRESS", progress: "99%" }],
    [
      { state: "succeeded", result: { pictures: [] } },
      { status: "SUCCESS", progress: "100%" },
    ],
    [{ state: "cancelled" }, { status: "CANCEL", progress: "" }],
    [
      { state: "failed", error: { code: "content_policy_violation", message: "no" } },
      { status: "FAILURE", progress: "", failReason: "[Banned prompt detected] no" },
    ],
    [
      { state: "failed", error: { code: "unsupported_parameter", message: "no" } },
      { failReason: "[Invalid parameter] no" },
    ],
    [{ state: "failed", error: { code: "vendor_timeout", message: "late" } }, { failReason: "late" }],
    [
      {
        state: "succeeded",
        result: { pictures: [], extra: { midjourney: { status: "MODAL", finalPrompt: "x" } } },
      },
      { status: "MODAL", properties: { finalPrompt: "x" } },
    ],
  ])("in %j is %j", async (changes, expected) => {
    expect(await shown(changes)).toMatchObject(expected);
  });

  test("shows again what was asked for, and what a button did by the vendor's own word", async () => {
    expect(await shown()).toMatchObject({
      id: "task_1",
      action: "IMAGINE",
      prompt: "a cat",
      promptEn: "a cat",
      description: "/imagine a cat",
      state: "mine",
      submitTime: 1_000,
      startTime: null,
      finishTime: null,
      imageUrl: null,
      imageUrls: [],
      buttons: [],
    });
    const pressed = {
      about: { action: "ACTION" },
      result: { pictures: [], extra: { midjourney: { action: "UPSCALE" } } },
    };
    expect(await shown(pressed)).toMatchObject({ action: "UPSCALE" });
    expect(await shown({ about: undefined })).toMatchObject({ action: "IMAGINE", prompt: null });
  });
});
