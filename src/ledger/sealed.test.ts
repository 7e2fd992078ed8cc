import { expect, test } from "bun:test";
import { systemRandom } from "../core/random.ts";
import { createSeal } from "./sealed.ts";

const seal = createSeal(new Uint8Array(32).fill(1), systemRandom);

test("what is sealed opens again, and does not show", () => {
  const sealed = seal.seal("sk-secret-ä", "deepseek");
  expect(seal.open(sealed, "deepseek")).toBe("sk-secret-ä");
  expect(Buffer.from(sealed).toString("latin1")).not.toContain("secret");
  expect(seal.seal("sk-secret-ä", "deepseek")).not.toEqual(sealed);
});

test("it opens with no other key, for no other vendor, and not when it was changed", () => {
  const sealed = seal.seal("sk-secret", "deepseek");
  const changed = Uint8Array.from(sealed, (byte, index) => (index === 30 ? byte ^ 1 : byte));
  expect(() => createSeal(new Uint8Array(32).fill(2), systemRandom).open(sealed, "deepseek")).toThrow();
  expect(() => seal.open(sealed, "qwen")).toThrow();
  expect(() => seal.open(changed, "deepseek")).toThrow();
  expect(() => seal.open(sealed.subarray(0, 20), "deepseek")).toThrow();
});
