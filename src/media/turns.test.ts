import { expect, test } from "bun:test";
import { createTurns } from "./turns.ts";

test("so many run at once, so many wait, in order; the next is refused; a failure gives its place on", async () => {
  const turns = createTurns(2, 2);
  const begun: number[] = [];
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const run = (number: number) =>
    turns.run(async () => {
      begun.push(number);
      await gates[number]?.promise;
      return number;
    });
  const first = run(0);
  const others = [run(1), run(2), run(3)];
  await expect(run(4)).rejects.toMatchObject({ code: "overloaded" });
  expect(begun).toEqual([0, 1]);
  gates[0]?.reject(new Error("broken"));
  await expect(first).rejects.toThrow("broken");
  expect(begun).toEqual([0, 1, 2]);
  for (const gate of gates) gate.resolve();
  expect(await Promise.all(others)).toEqual([1, 2, 3]);
  // All places are free again.
  expect(await Promise.all([turns.run(async () => "a"), turns.run(async () => "b")])).toEqual(["a", "b"]);
});
