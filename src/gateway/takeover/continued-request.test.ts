import { expect, test } from "bun:test";
import type { Continuation } from "../../adapters/adapter.ts";
import { parseChat } from "../requests/chat.ts";
import { parseCompletion } from "../requests/completion.ts";
import { continuedRequest } from "./continued-request.ts";
import { takeableOf } from "./takeable.ts";

const messages = [{ role: "user", content: "Count." }];
const chat = (changes: object = {}) => parseChat({ model: "m", stream: true, messages, ...changes }, 100);
const INSTRUCTION: Continuation = { by: "instruction" };

test("by a prefix, the beginning stands last with its mark, and fields that must go are gone", () => {
  const { request, juncture } = continuedRequest(chat({ reasoning_effort: "high" }), "One, two ", {
    by: "prefix",
    mark: { prefix: true },
    body: { reasoning_effort: null, thinking: { type: "disabled" } },
  });
  expect(request.body).toEqual({
    model: "m",
    stream: true,
    thinking: { type: "disabled" },
    messages: [...messages, { role: "assistant", content: "One, two ", prefix: true }],
  });
  expect(juncture).toEqual({ given: "One, two ", beyond: "", isExact: true });
  expect(request.promptTokens).toBe(50 + 5);
});

test("white space at the end is kept from a vendor that refuses it", () => {
  const { request, juncture } = continuedRequest(chat(), "One, two \n", {
    by: "prefix",
    refusesTrailingSpace: true,
  });
  expect(request.body.messages).toEqual([...messages, { role: "assistant", content: "One, two" }]);
  expect(juncture).toEqual({ given: "One, two", beyond: " \n", isExact: true });
});

test("by an instruction, a user asks to go on, and to repeat the last words", () => {
  const text = "Some numbers, as many as you like, are these: one, two, three ";
  const { request, juncture } = continuedRequest(chat(), text, INSTRUCTION);
  const [, answer, plea] = request.body.messages as { role: string; content: string }[]; // made here
  expect(answer).toEqual({ role: "assistant", content: text.trimEnd() });
  expect(plea?.role).toBe("user");
  expect(juncture).toMatchObject({
    beyond: " ",
    isExact: false,
    anchor: "as many as you like, are these: one, two, three",
  });
  expect(plea?.content.endsWith(`\n${juncture.anchor}`)).toBe(true);
});

test("of a text too short to be recognised, no repetition is asked for", () => {
  expect(continuedRequest(chat(), "One", INSTRUCTION).juncture.anchor).toBeUndefined();
});

test("a beginning of the client's own is a part of the beginning", () => {
  const own = chat({ messages: [...messages, { role: "assistant", content: "{", prefix: true }] });
  const { request, juncture } = continuedRequest(own, '"a"', { by: "prefix", mark: { prefix: true } });
  expect(request.body.messages).toEqual([...messages, { role: "assistant", content: '{"a"', prefix: true }]);
  expect(juncture.given).toBe('"a"');
});

test("half a character at the end is not given", () => {
  const { juncture } = continuedRequest(chat(), "a\ud83d", { by: "prefix" });
  expect(juncture).toEqual({ given: "a", beyond: "\ud83d", isExact: true });
});

test("without any text the whole answer is asked for again", () => {
  const request = chat();
  for (const text of ["", " \n"]) {
    const continued = continuedRequest(request, text, INSTRUCTION);
    expect(continued.request).toBe(request);
    expect(continued.juncture).toEqual({ given: "", beyond: text, isExact: true });
  }
});

test("a legacy completion goes on after its prompt", () => {
  const request = parseCompletion({ model: "m", stream: true, prompt: "Once" }, 100);
  expect(continuedRequest(request, " upon", INSTRUCTION).request.body.prompt).toBe("Once upon");
});

test.each([
  [{}, "text"],
  [{ tools: [{ type: "function" }] }, "text"],
  [{ response_format: { type: "text" } }, "text"],
  [{ response_format: { type: "json_object" } }, "reasoning"],
  [{ response_format: { type: "json_schema" } }, "reasoning"],
  [{ n: 2 }, undefined],
  [{ logprobs: true }, undefined],
  [{ stream: false }, undefined],
])("a chat with %j can be taken over after %p", (changes, takeable) => {
  expect(takeableOf(chat(changes))).toBe(takeable as never);
});

test("a legacy completion can be taken over when it has one prompt and does not repeat it", () => {
  const of = (body: object) => takeableOf(parseCompletion({ model: "m", stream: true, ...body }, 100));
  expect(of({ prompt: "a" })).toBe("text");
  expect(of({ prompt: ["a"] })).toBe("text");
  expect(of({ prompt: ["a", "b"] })).toBeUndefined();
  expect(of({ prompt: [1, 2] })).toBeUndefined();
  expect(of({ prompt: "a", echo: true })).toBeUndefined();
});
