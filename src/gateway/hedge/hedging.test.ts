import { expect, test } from "bun:test";
import { parseChat } from "../requests/chat.ts";
import { routeOf } from "../testing/fixtures.ts";
import { FirstTokenTimes } from "./first-token-times.ts";
import { Hedging, isHedgeable } from "./hedging.ts";

const route = routeOf("v", { input: 1n, output: 1n });

test("a share of the calls began within a time that is at most a fifth too long", () => {
  const times = new FirstTokenTimes();
  for (let ms = 1; ms <= 900; ms += 1) times.add(ms);
  for (const share of [0.5, 0.9, 0.95, 0.99]) {
    const within = times.within(share) ?? 0;
    expect(within).toBeGreaterThanOrEqual(share * 900);
    expect(within).toBeLessThanOrEqual(share * 900 * 1.2 + 1);
  }
});

test("of a few calls nobody says which are slow", () => {
  const times = new FirstTokenTimes();
  for (let calls = 0; calls < 19; calls += 1) times.add(100);
  expect(times.within(0.95)).toBeUndefined();
  times.add(100);
  expect(times.within(0.95)).toBeGreaterThanOrEqual(100);
});

test("what a route did long ago is forgotten", () => {
  const times = new FirstTokenTimes();
  for (let calls = 0; calls < 1_000; calls += 1) times.add(60_000);
  for (let calls = 0; calls < 20_000; calls += 1) times.add(100);
  expect(times.within(0.99)).toBeLessThan(150);
});

test("times beyond every bucket count as the longest", () => {
  const times = new FirstTokenTimes();
  for (let calls = 0; calls < 20; calls += 1) times.add(1e12);
  expect(times.within(0.5)).toBeGreaterThan(500_000);
});

test("second calls are at most one in twenty of what is asked for, and ten saved up", () => {
  const hedging = new Hedging();
  expect(hedging.take()).toBe(false);
  let taken = 0;
  for (let asked = 0; asked < 2_000; asked += 1) {
    hedging.asked();
    if (hedging.take()) taken += 1;
  }
  expect(taken).toBe(100);
  for (let asked = 0; asked < 2_000; asked += 1) hedging.asked();
  for (let saved = 0; saved < 10; saved += 1) expect(hedging.take()).toBe(true);
  expect(hedging.take()).toBe(false);
});

test("a route is slow by its own measure", () => {
  const hedging = new Hedging();
  const other = routeOf("w", { input: 1n, output: 1n });
  for (let calls = 0; calls < 50; calls += 1) hedging.began(route, 1_000);
  const settings = { enabled: true, percentile: "p95" } as const;
  expect(hedging.patienceMs(route, settings)).toBeGreaterThanOrEqual(1_000);
  expect(hedging.patienceMs(other, settings)).toBeUndefined();
});

test.each([
  [{ stream: true }, true],
  [{}, false],
  [{ stream: true, store: true }, false],
  [{ stream: true, web_search_options: {} }, false],
  [{ stream: true, enable_search: true }, false],
])("a chat with %j may be asked twice at once: %p", (changes, may) => {
  const body = { model: "m", messages: [{ role: "user", content: "hi" }], ...changes };
  expect(isHedgeable(parseChat(body, 100))).toBe(may);
});
