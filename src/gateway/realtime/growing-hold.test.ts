import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { least, type Micropoints, micropointsOf } from "../../core/points.ts";
import type { Hold } from "../charge.ts";
import { GrowingHold } from "./growing-hold.ts";

/** A purse of which every part is held by itself; a settled cost may take from what is available. */
function purse(points: bigint) {
  const state = { available: points, held: 0n, spent: 0n };
  const hold = (amount: Micropoints): Hold => {
    if (amount > state.available) throw new SluiceError("insufficient_points", "no more");
    state.available -= amount;
    state.held += amount;
    return {
      amount,
      settle(cost) {
        state.held -= amount;
        state.available += amount;
        const charged = least(cost, micropointsOf(state.available));
        state.available -= charged;
        state.spent += charged;
        return { charged, loss: micropointsOf(cost - charged) };
      },
      release() {
        state.held -= amount;
        state.available += amount;
      },
      refund(charged) {
        state.spent -= charged;
        state.available += charged;
      },
    };
  };
  return { state, hold };
}

const of = micropointsOf;

async function grown(points: bigint, ...parts: bigint[]) {
  const { state, hold } = purse(points);
  const [first = 0n, ...more] = parts;
  const growing = new GrowingHold(hold(of(first)), hold);
  for (const part of more) await growing.grow(of(part));
  return { state, growing };
}

describe("a hold that grows", () => {
  test.each([0n, 5n, 10n, 15n, 30n, 35n])("settles a cost of %d out of all its parts, once", async (cost) => {
    const { state, growing } = await grown(100n, 10n, 20n);
    expect([growing.amount, state.held]).toEqual([of(30n), 30n]);
    expect(growing.settle(of(cost))).toEqual({ charged: of(cost), loss: of(0n) });
    expect(state).toEqual({ available: 100n - cost, held: 0n, spent: cost });
  });

  test("beyond what there is books the rest as a loss", async () => {
    const { state, growing } = await grown(30n, 10n, 20n);
    expect(growing.settle(of(50n))).toEqual({ charged: of(30n), loss: of(20n) });
    expect(state).toEqual({ available: 0n, held: 0n, spent: 30n });
  });

  test("that may not grow keeps what it has", async () => {
    const { state, growing } = await grown(25n, 10n);
    await expect(growing.grow(of(20n))).rejects.toThrow("no more");
    expect([growing.amount, state.held]).toEqual([of(10n), 10n]);
    growing.release();
    expect(state).toEqual({ available: 25n, held: 0n, spent: 0n });
  });

  test("gives back a part that arrives when all is over", async () => {
    const { state, hold } = purse(100n);
    const late = Promise.withResolvers<Hold>();
    const growing = new GrowingHold(hold(of(10n)), () => late.promise);
    const growth = growing.grow(of(20n));
    growing.settle(of(4n));
    late.resolve(hold(of(20n)));
    await growth;
    expect(state).toEqual({ available: 96n, held: 0n, spent: 4n });
  });

  test("refunds what each part was charged", async () => {
    const { state, growing } = await grown(100n, 10n, 20n);
    growing.settle(of(25n));
    growing.refund();
    expect(state).toEqual({ available: 100n, held: 0n, spent: 0n });
  });
});
