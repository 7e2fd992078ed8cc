import { beforeEach, expect, test } from "bun:test";
import type { Bus } from "../../bus/bus.ts";
import { createInProcessBus } from "../../bus/in-process.ts";
import { nodeId } from "../../core/ids.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { createMembership } from "./membership.ts";

const [a, b] = [nodeId("a"), nodeId("b")];
let clock: ManualClock;
let bus: Bus;

beforeEach(() => {
  clock = new ManualClock();
  bus = createInProcessBus({ clock });
});

const join = (node: typeof a) => createMembership({ node, bus, clock });
const pass = async (ms: number): Promise<void> => {
  await clock.advance(ms);
  await Bun.sleep(0);
};

test("who comes knows at once who is here, and is known", async () => {
  const first = join(a);
  await pass(3_000);
  const second = join(b);
  await pass(0);
  expect([first.live(), second.live()]).toEqual([new Set([a, b]), new Set([b, a])]);
  expect(first.stableSince()).toBe(clock.monotonic());
});

test("who is silent for long is gone; one late beat changes nothing", async () => {
  const first = join(a);
  const second = join(b);
  await pass(10);
  const since = first.stableSince();
  await pass(4_000);
  expect([first.live(), first.stableSince()]).toEqual([new Set([a, b]), since]);
  second.close();
  await pass(6_000);
  expect(first.live()).toEqual(new Set([a]));
  expect(first.stableSince()).toBeGreaterThan(since);
  expect(first.expected()).toBe(2);
  await pass(601_000);
  expect(first.expected()).toBe(1);
});

test("who leaves is gone for the others and for itself", async () => {
  const first = join(a);
  const second = join(b);
  await pass(10);
  second.leave();
  await pass(0);
  expect([first.live(), second.live()]).toEqual([new Set([a]), new Set([a])]);
  await pass(3_000);
  expect(first.live()).toEqual(new Set([a]));
});
