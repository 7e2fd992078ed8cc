import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { keyId, mediaId, tenantId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import type { Caller } from "../gateway.ts";
import { packOrder, unpackBatchOrder, unpackLine, unpackOrder } from "./kept-order.ts";
import type { PictureOrder } from "./order.ts";

const caller: Caller = {
  tenant: tenantId("acme"),
  key: keyId("key_1"),
  tier: "normal",
  models: ["sandbox-*"],
  vendors: null,
  onShortBalance: "cap",
  limits: { qps: 2.5, burst: 5, concurrency: 3 },
  budget: { points: micropointsOf(9_007_199_254_740_993n), period: "day" },
  takeover: "before:200",
};
const bare: Caller = { ...caller, models: null, limits: null, budget: null };
const about = { caller, path: "/v1/tasks", base: "http://localhost", webhookSecret: "whsec_x" };
const order: PictureOrder = {
  ...about,
  dialect: "midjourney",
  isBatch: true,
  request: {
    operation: "image_edit",
    model: "sandbox-image",
    prompt: "private",
    negativePrompt: "n",
    inputs: [
      { kind: "kept", media: mediaId("med_1") },
      { kind: "url", url: "https://example.com/a.png" },
    ],
    mask: { kind: "kept", media: mediaId("med_2") },
    count: 2,
    size: { width: 1_024, height: 768 },
    quality: "high",
    style: "vivid",
    background: "transparent",
    format: "webp",
    seed: 7,
    options: { "background.prompt": "private", deep: { a: [1, null] } },
    parent: { vendor: "midjourney", jobId: "j" },
  },
};
/** As it comes out of the ledger. */
const kept = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

function refusal(read: () => unknown): SluiceError {
  try {
    read();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
  throw new Error("it was read");
}

test("an order comes back as it was kept, with all that it may hold and with the least", () => {
  expect(unpackOrder(kept(packOrder(order)))).toEqual(order);
  const { operation, model, inputs, count, options } = order.request;
  const least = {
    caller: bare,
    path: "/p",
    base: "",
    request: { operation, model, inputs: inputs.slice(0, 0), count, options },
  };
  expect(unpackOrder(kept(packOrder(least)))).toEqual(least);
  expect(unpackBatchOrder(kept(packOrder(about)))).toEqual(about);
});

describe("what is no order is a typed error that tells where, and nothing of what is in it", () => {
  const packed = kept(packOrder(order));
  test.each<[string, JsonObject]>([
    ["caller", {}],
    ["caller.budget.points", kept({ caller: { ...caller, budget: { points: "much", period: "day" } } })],
    ["caller.tier", kept({ caller: { ...caller, tier: "king", budget: null } })],
    ["caller.takeover", kept({ caller: { ...caller, takeover: "before:0", budget: null } })],
    ["request.inputs.0", { request: { ...order.request, inputs: [{ kind: "bytes", bytes: "x" }] } }],
    ["request.count", { request: { ...order.request, count: 0 } }],
    ["request.options", { request: { ...order.request, options: [] } }],
    ["request", { request: { ...order.request, newer: "private" } }],
  ])("%s", (where, change) => {
    const broken = where === "caller" ? { ...packed, caller: undefined } : { ...packed, ...change };
    const error = refusal(() => unpackOrder(kept(broken)));
    expect(error.code).toBe("internal_error");
    expect(String(error.detail.cause)).toContain(`: ${where}`);
    expect(`${error.message} ${String(error.detail.cause)}`).not.toContain("private");
  });

  test("a batch's order is none of a picture's, and the other way round", () => {
    expect(refusal(() => unpackBatchOrder(packed)).code).toBe("internal_error");
    expect(refusal(() => unpackOrder(kept(packOrder(about)))).code).toBe("internal_error");
  });

  test("a line", () => {
    const line = { url: "/v1/embeddings", body: { model: "m", input: "private" } };
    expect(unpackLine(kept(line))).toEqual(line as ReturnType<typeof unpackLine>);
    expect(refusal(() => unpackLine({ ...line, url: "/v1/else" })).code).toBe("internal_error");
    expect(refusal(() => unpackLine({ ...line, body: [] })).code).toBe("internal_error");
    expect(refusal(() => unpackLine({ ...line, more: 1 })).code).toBe("internal_error");
  });
});
