import { describe, expect, test } from "bun:test";
import { least, type Micropoints, micropointsOf } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import { Purse } from "./purse.ts";

const µ = (amount: number) => micropointsOf(BigInt(amount));

describe("a purse", () => {
  test("returns what a hold leaves over", () => {
    const purse = new Purse();
    purse.add(µ(100));
    expect(purse.hold(µ(60))).toBe(true);
    expect(purse.hold(µ(41))).toBe(false);
    expect(purse.settle(µ(60), µ(25))).toEqual({ charged: µ(25), loss: µ(0) });
    expect([purse.available, purse.held, purse.unsettled]).toEqual([µ(75), µ(0), µ(25)]);
  });

  test("takes what goes beyond the hold from what is available, and the rest is a loss", () => {
    const purse = new Purse();
    purse.add(µ(100));
    purse.hold(µ(60));
    purse.hold(µ(30));
    expect(purse.settle(µ(60), µ(90))).toEqual({ charged: µ(70), loss: µ(20) });
    // The other request's hold was not touched.
    expect(purse.held).toBe(µ(30));
    expect(purse.settle(µ(30), µ(30))).toEqual({ charged: µ(30), loss: µ(0) });
  });

  test("gives back only what is available", () => {
    const purse = new Purse();
    purse.add(µ(100));
    purse.hold(µ(60));
    expect(purse.take(µ(1_000))).toBe(µ(40));
    expect(purse.take(µ(1))).toBe(µ(0));
  });

  test("gives a charge that will not be booked back", () => {
    const purse = new Purse();
    purse.add(µ(100));
    purse.hold(µ(60));
    purse.settle(µ(60), µ(25));
    purse.refund(µ(25));
    expect([purse.available, purse.held, purse.unsettled]).toEqual([µ(100), µ(0), µ(0)]);
    expect(() => purse.refund(µ(1))).toThrow("only what was charged");
  });

  test("refuses what would break it", () => {
    const purse = new Purse();
    purse.add(µ(10));
    purse.hold(µ(5));
    expect(() => purse.release(µ(6))).toThrow("only what is held");
    expect(() => purse.settle(µ(5), µ(-1))).toThrow("not negative");
    expect(() => purse.booked(µ(1))).toThrow("only what was charged");
    expect(() => purse.add(µ(-1))).toThrow("not negative");
    expect(() => purse.hold(µ(-1))).toThrow("not negative");
  });

  test("never loses or makes a point, whatever happens", () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const random = seededRandom(seed);
      const some = (top: number) => µ(Math.floor(random.next() * top));
      const purse = new Purse();
      const holds: Micropoints[] = [];
      let granted = 0n;
      let gone = 0n;
      for (let step = 0; step < 200; step += 1) {
        const dice = random.next();
        const hold = holds[0];
        if (dice < 0.2) {
          const amount = some(500);
          purse.add(amount);
          granted += amount;
        } else if (dice < 0.5) {
          const amount = some(200);
          if (purse.hold(amount)) holds.push(amount);
        } else if (dice < 0.7 && hold !== undefined) {
          const cost = some(300);
          const { charged, loss } = purse.settle(hold, cost);
          holds.shift();
          expect(charged + loss).toBe(cost);
          expect(charged).toBeGreaterThanOrEqual(least(cost, hold));
        } else if (dice < 0.8 && hold !== undefined) {
          purse.release(hold);
          holds.shift();
        } else if (dice < 0.9) {
          gone += purse.take(some(100));
        } else {
          const amount = purse.unsettled;
          purse.booked(amount);
          gone += amount;
        }
        expect(purse.available + purse.held + purse.unsettled + gone).toBe(granted);
        expect(purse.held).toBe(micropointsOf(holds.reduce((sum, amount) => sum + amount, 0n)));
        expect(purse.available).toBeGreaterThanOrEqual(0n);
      }
    }
  });
});
