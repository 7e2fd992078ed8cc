import { expect, test } from "bun:test";
import type { Delta } from "./entry.ts";
import { Ring } from "./ring.ts";

const text = (value: string): Delta => ({ choice: 0, opens: false, text: value });
const KIB = 1024;

test("what was written is read again as it was, whatever its kind and length", () => {
  const deltas: Delta[] = [
    { choice: 0, opens: true, text: "first" },
    text("plain"),
    text("ünïcödé 😀 日本"),
    text("x".repeat(127)),
    text("x".repeat(128)),
    text("y".repeat(40_000)),
    { choice: 0, opens: false, reasoning: "because" },
    { choice: 0, opens: false, reasoning: "because", text: "so" },
    { choice: 2, opens: false, text: "other" },
    { choice: 0, opens: false, refusal: "no" },
    { choice: 0, opens: false, toolCalls: [{ call: 1, id: "c", name: "f", arguments: '{"q":"\\u0000"}' }] },
  ];
  const ring = new Ring();
  for (const delta of deltas) ring.append(delta);
  const place = ring.placeAfter(0);
  if (place === undefined) throw new Error("no place");
  for (const [index, delta] of deltas.entries()) {
    expect(ring.read(place)).toEqual({ type: "delta", seq: index + 1, ...delta });
  }
  expect(ring.read(place)).toBeUndefined();
});

test("append answers the entry with its number", () => {
  const ring = new Ring();
  ring.append(text("a"));
  expect(ring.lastSeq).toBe(1);
  ring.append(text("b"));
  expect(ring.lastSeq).toBe(2);
});

test("a place can be had after every kept entry and nowhere else", () => {
  const ring = new Ring();
  for (let index = 1; index <= 3_000; index += 1) ring.append(text(`token ${index}`));
  for (const seq of [0, 1, 99, 1_500, 2_999]) {
    const place = ring.placeAfter(seq);
    expect(place && ring.read(place)?.text).toBe(`token ${seq + 1}`);
  }
  const end = ring.placeAfter(3_000);
  expect(end && ring.read(end)).toBeUndefined();
  expect(ring.placeAfter(3_001)).toBeUndefined();
  expect(ring.placeAfter(-1)).toBeUndefined();
});

test("an answer of a thousand tokens takes about eight KiB", () => {
  const ring = new Ring();
  for (let index = 0; index < 1_000; index += 1) ring.append(text(" word"));
  ring.trim();
  expect(ring.size).toBeLessThan(8 * KIB);
  const place = ring.placeAfter(999);
  expect(place && ring.read(place)?.text).toBe(" word");
});

test("the oldest block goes first, and its entries can no longer be had", () => {
  const ring = new Ring(128 * KIB);
  while (ring.hasRoom) ring.append(text("x".repeat(1_000)));
  const before = ring.size;
  const place = ring.placeAfter(0);
  expect(place && ring.holdsOldest(place)).toBe(true);
  ring.dropOldest();
  expect(ring.size).toBeLessThan(before);
  expect(ring.firstSeq).toBe(2);
  expect(ring.placeAfter(0)).toBeUndefined();
  expect(ring.placeAfter(1)).toBeDefined();
});

test("a place at the end goes on with what is written later", () => {
  const ring = new Ring();
  ring.append(text("a"));
  const place = ring.placeAfter(1);
  if (place === undefined) throw new Error("no place");
  for (let index = 0; index < 500; index += 1) ring.append(text("12345678"));
  let count = 0;
  while (ring.read(place) !== undefined) count += 1;
  expect(count).toBe(500);
});
