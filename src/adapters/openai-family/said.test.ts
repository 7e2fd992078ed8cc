import { expect, test } from "bun:test";
import type { GenerationEvent } from "../../core/generation.ts";
import { openai } from "../openai/index.ts";
import { requestOf } from "../testing/fixtures.ts";
import { createSaid } from "./said.ts";

const text = (value: string, choice = 0): GenerationEvent => ({ type: "text", choice, text: value });
const chunk = (delta: object): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`;

test("what was said is put together over frames that were parsed and frames that were recognised", () => {
  const pieces = ["Héllo ", 'a "quoted"\n', "\\ \ud83d", "\ude00 end", "\u2028", "w0001 "];
  for (const mode of ["passthrough", "events"] as const) {
    const reader = openai.openStream(requestOf("chat", {}), mode, "", true);
    for (const content of pieces) reader.push(Buffer.from(chunk({ content })));
    expect(reader.said?.text()).toBe(pieces.join(""));
    expect(reader.said?.isBeyondText).toBe(false);
    expect(reader.said?.hasReasoning).toBe(false);
  }
});

test("a reader that was not asked to remember keeps nothing", () => {
  expect(openai.openStream(requestOf("chat", {}), "passthrough").said).toBeUndefined();
});

test("reasoning is noted, and not part of the text", () => {
  const said = createSaid();
  said.addEvents([{ type: "reasoning", choice: 0, text: "hm" }, text("a")]);
  expect([said.hasReasoning, said.text(), said.isBeyondText]).toEqual([true, "a", false]);
});

test.each<[string, readonly GenerationEvent[]]>([
  ["a tool call", [{ type: "toolCall", choice: 0, call: 0, id: "c", name: "f", arguments: "" }]],
  ["a refusal", [{ type: "refusal", choice: 0, text: "no" }]],
  ["a second choice", [text("b", 1)]],
  ["content that nobody reads", []],
  ["a text beyond what is kept", [text("x".repeat(1024 * 1024)), text("y")]],
])("%s is more than another vendor can go on with", (_, events) => {
  const said = createSaid();
  said.addEvents([text("a")]);
  said.addEvents(events);
  expect(said.isBeyondText).toBe(true);
  said.addEvents([text("b")]);
  expect(said.text()).toBe("");
});
