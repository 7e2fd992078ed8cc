import { expect, test } from "bun:test";
import { tenantId } from "../core/ids.ts";
import { createFairTurns } from "./fair-turns.ts";

const [greedy, other] = [tenantId("greedy"), tenantId("other")];

test("a tenant whose work never ends holds up none but its own", async () => {
  const turns = createFairTurns({ atOnce: 3, waiting: 10, atOnceOfOne: 2, waitingOfOne: 3 });
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const stuck = () =>
    turns.run(greedy, async () => {
      begun += 1;
      await gate.promise;
    });
  const all = Array.from({ length: 5 }, stuck);
  await expect(stuck()).rejects.toMatchObject({ code: "overloaded" });
  expect(begun).toBe(2);
  expect(await turns.run(other, async () => "served")).toBe("served");
  gate.resolve();
  await Promise.all(all);
  expect(begun).toBe(5);
  // Its places are its own again.
  expect(await turns.run(greedy, async () => "again")).toBe("again");
});
