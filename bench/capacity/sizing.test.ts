import { expect, test } from "bun:test";
import { coresFor, growthOf, memoryFor } from "./sizing.ts";

const costs = { gatewayAlone: 0.06, gatewayOfTwo: 0.066, postgres: 0.03, nats: 0.006 };

test("cores are the CPU of a second's requests, with room left, and with what a second process adds", () => {
  const { gateway, postgres, nats } = coresFor(10_000, costs);
  expect(gateway).toBeCloseTo(1.1, 6);
  expect(postgres).toBeCloseTo(0.5, 6);
  expect(nats).toBeCloseTo(0.1, 6);
  expect(coresFor(50_000, costs).gateway).toBeCloseTo(5.5, 6);
});

test("two processes that cost less than one are noise, not a gain", () => {
  expect(growthOf({ ...costs, gatewayOfTwo: 0.05 })).toBe(0);
  expect(growthOf(costs)).toBeCloseTo(0.1, 6);
});

test("sockets cost what they cost in the process and in the kernel", () => {
  expect(memoryFor(1_048_576, { process: 3, kernel: 5 })).toBe(8);
});
