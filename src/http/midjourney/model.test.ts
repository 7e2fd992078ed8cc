import { describe, expect, test } from "bun:test";
import { vendorId } from "../../core/ids.ts";
import type { ModelView } from "../../gateway/gateway.ts";
import { modelFor } from "./model.ts";

const model = (id: string, ...operations: ModelView["operations"]): ModelView => ({
  id,
  operations,
  vendors: [vendorId("v")],
});
const DRAWS = [
  model("chat", "chat"),
  model("sandbox-image", "image"),
  model("seedream", "image", "image_edit"),
];

describe("the model of a submission", () => {
  test("is the one that it names, whether there is one or not", () => {
    expect(modelFor({ model: "anything" }, "image", [])).toBe("anything");
  });

  test("is Midjourney where that can be used, and niji for that bot", () => {
    const all = [...DRAWS, model("midjourney", "image"), model("niji", "image")];
    expect(modelFor({}, "image", all)).toBe("midjourney");
    expect(modelFor({ botType: "NIJI_JOURNEY" }, "image", all)).toBe("niji");
    expect(modelFor({ botType: "NIJI_JOURNEY" }, "image", all.slice(0, -1))).toBe("midjourney");
  });

  test("is the first that does it otherwise, the sandbox last", () => {
    expect(modelFor({}, "image", DRAWS)).toBe("seedream");
    expect(modelFor({}, "image", DRAWS.slice(0, 2))).toBe("sandbox-image");
    expect(modelFor({ model: "" }, "image_edit", DRAWS)).toBe("seedream");
    expect(() => modelFor({}, "image_edit", DRAWS.slice(0, 2))).toThrow("name one in 'model'");
  });
});
