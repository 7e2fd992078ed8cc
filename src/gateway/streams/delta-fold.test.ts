import { expect, test } from "bun:test";
import type { GenerationEvent } from "../../core/generation.ts";
import { STREAM_ENTRY_CHARS } from "../../core/limits.ts";
import { DeltaFold } from "./delta-fold.ts";
import type { Delta } from "./entry.ts";

const text = (value: string, choice = 0): GenerationEvent => ({ type: "text", choice, text: value });
const reasoning = (value: string): GenerationEvent => ({ type: "reasoning", choice: 0, text: value });

function folded(...passages: GenerationEvent[][]): Delta[] {
  const fold = new DeltaFold();
  for (const events of passages) fold.fold(events);
  return fold.deltas;
}

test("the texts of one passage become one delta, those of the next another", () => {
  expect(folded([text("a"), text("b")], [text("c")])).toEqual([
    { choice: 0, opens: true, text: "ab" },
    { choice: 0, opens: false, text: "c" },
  ]);
});

test("reasoning and the text after it share a delta; reasoning after text begins a new one", () => {
  expect(folded([reasoning("r"), text("t"), reasoning("s")])).toEqual([
    { choice: 0, opens: true, reasoning: "r", text: "t" },
    { choice: 0, opens: false, reasoning: "s" },
  ]);
});

test("choices are told apart, and each opens once", () => {
  expect(folded([text("a", 0), text("b", 1), text("c", 0)])).toEqual([
    { choice: 0, opens: true, text: "a" },
    { choice: 1, opens: true, text: "b" },
    { choice: 0, opens: false, text: "c" },
  ]);
});

test("pieces of one tool call are joined, calls stay apart, and text after them begins a new delta", () => {
  const call = { type: "toolCall", choice: 0 } as const;
  expect(
    folded([
      { ...call, call: 0, id: "c0", name: "add", arguments: "" },
      { ...call, call: 0, arguments: '{"a"' },
      { ...call, call: 0, arguments: ":1}" },
      { ...call, call: 1, id: "c1", name: "sub", arguments: "{}" },
      text("x"),
    ]),
  ).toEqual([
    {
      choice: 0,
      opens: true,
      toolCalls: [
        { call: 0, id: "c0", name: "add", arguments: '{"a":1}' },
        { call: 1, id: "c1", name: "sub", arguments: "{}" },
      ],
    },
    { choice: 0, opens: false, text: "x" },
  ]);
});

test("what carries no content makes no delta", () => {
  expect(folded([text(""), { type: "finish", choice: 0, reason: "stop" }, { type: "end" }])).toEqual([]);
});

test("finishes are kept for the end, with whether their choice ever had content", () => {
  const fold = new DeltaFold();
  fold.fold([text("a", 0), { type: "finish", choice: 0, reason: "length" }]);
  fold.fold([{ type: "finish", choice: 1, reason: "content_filter" }]);
  expect(fold.finishes).toEqual([
    { choice: 0, reason: "length", opens: false },
    { choice: 1, reason: "content_filter", opens: true },
  ]);
});

test("a giant text becomes several bounded deltas that add up to it", () => {
  const giant = "x😀".repeat(STREAM_ENTRY_CHARS);
  const deltas = folded([text(giant)]);
  expect(deltas.map((delta) => delta.text).join("")).toBe(giant);
  for (const delta of deltas) {
    expect(delta.text?.length).toBeLessThanOrEqual(STREAM_ENTRY_CHARS);
    expect(delta.text?.isWellFormed()).toBe(true);
  }
});

test("a thousand empty tool calls do not make one delta", () => {
  const calls = Array.from({ length: 1_000 }, (_, call) => ({
    type: "toolCall" as const,
    choice: 0,
    call,
    id: `call_${call}`,
    name: "f",
    arguments: "",
  }));
  const deltas = folded(calls);
  expect(deltas.length).toBeGreaterThan(2);
  expect(deltas.flatMap((delta) => delta.toolCalls ?? [])).toHaveLength(1_000);
});

test("an emoji cut in two by the vendor comes out whole, in text, reasoning and arguments", () => {
  const call = { type: "toolCall", choice: 0, call: 0 } as const;
  const deltas = folded(
    [text("a\ud83d"), { ...call, id: "c", name: "f", arguments: '"\ud83d' }],
    [text("\ude00b"), { ...call, arguments: '\ude00"' }],
  );
  expect(deltas.map((delta) => delta.text ?? "").join("")).toBe("a😀b");
  expect(
    deltas
      .flatMap((delta) => delta.toolCalls ?? [])
      .map((piece) => piece.arguments)
      .join(""),
  ).toBe('"😀"');
});

test("a half that never gets its other half does not break what follows", () => {
  expect(folded([text("a\ud83d")], [text("b")]).map((delta) => delta.text)).toEqual(["a", "\ufffdb"]);
  expect(folded([text("\ude00b")]).map((delta) => delta.text)).toEqual(["\ufffdb"]);
});
