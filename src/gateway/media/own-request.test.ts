import { describe, expect, test } from "bun:test";
import { pictureRequest } from "../../adapters/testing/media-fixtures.ts";
import { ownRequest } from "./own-request.ts";

describe("a request as one kind of vendor sees it", () => {
  const options = { steps: 4, sandbox: { ms: 0 }, midjourney: { action: "IMAGINE" } };

  test("holds what is meant for it and for all, and nothing that is another's", () => {
    const request = pictureRequest({ options });
    expect(ownRequest(request, "sandbox").options).toEqual({ steps: 4, sandbox: { ms: 0 } });
    expect(ownRequest(request, "midjourney").options).toEqual({
      steps: 4,
      midjourney: { action: "IMAGINE" },
    });
    expect(ownRequest(request, "openai").options).toEqual({ steps: 4 });
    const plain = pictureRequest({ options: { steps: 4 } });
    expect(ownRequest(plain, "openai")).toBe(plain);
  });

  test("that only another kind can fulfil is refused, whatever stands there", () => {
    const request = pictureRequest({ options: { midjourney: { only: true } } });
    expect(() => ownRequest(request, "sandbox")).toThrow("by midjourney alone");
    expect(ownRequest(request, "midjourney")).toBe(request);
    for (const odd of [5, "x", [], { only: "true" }]) {
      expect(ownRequest(pictureRequest({ options: { midjourney: odd } }), "sandbox").options).toEqual({});
    }
  });
});
