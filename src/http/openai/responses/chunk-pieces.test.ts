import { expect, test } from "bun:test";
import { createChunkReader } from "./chunk-pieces.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const frame = (delta: object, end = "\n\n"): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}${end}`;
const piecesOf = (...reads: readonly string[]) => {
  const read = createChunkReader();
  return reads.flatMap((text) => read(bytes(text)));
};

test("words, thoughts and refusals come in their order, whatever the line ends", () => {
  const delta = { reasoning_content: "Hm.", content: "So", refusal: null };
  expect(piecesOf(frame(delta, "\r\n\r\n"), `data:${frame({ content: "." }).slice(6)}`)).toEqual([
    { kind: "reasoning", text: "Hm." },
    { kind: "text", text: "So" },
    { kind: "text", text: "." },
  ]);
});

test("parallel calls are told apart by their index, by their id where the index says nothing", () => {
  const call = (more: object) => frame({ tool_calls: [{ function: { arguments: "" }, ...more }] });
  const calls = (...reads: readonly string[]) =>
    piecesOf(...reads).map((piece) => (piece.kind === "call" ? piece.call : undefined));
  expect(calls(call({ index: 0, id: "a" }), call({ index: 1, id: "b" }), call({ index: 0 }))).toEqual([
    0, 1, 0,
  ]);
  expect(calls(call({ index: 0, id: "a" }), call({ index: 0, id: "b" }), call({ index: 0 }))).toEqual([
    0, 1, 1,
  ]);
  expect(calls(call({ id: "a" }), call({}), call({ id: "b" }), call({}))).toEqual([0, 0, 1, 1]);
});

test("what a vendor added for its own next turn is carried, a second choice and what is no JSON are not read", () => {
  expect(piecesOf(frame({ thinking_blocks: [{ signature: "s" }], obfuscation: "xyz" }))).toEqual([
    { kind: "carried", fields: { thinking_blocks: [{ signature: "s" }] } },
  ]);
  expect(piecesOf('data: {"choices":[{"index":1,"delta":{"content":"other"}}]}\n\n', "data: {{\n\n")).toEqual(
    [],
  );
});
