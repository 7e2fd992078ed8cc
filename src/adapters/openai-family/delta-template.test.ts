import { describe, expect, test } from "bun:test";
import type { GenerationEvent } from "../../core/generation.ts";
import { createDeltaTemplates } from "./delta-template.ts";

const frame = (content: string, rest = ""): string =>
  `data: {"id":"1","choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}},"finish_reason":null}]${rest}}\n\n`;
const text = (value: string): GenerationEvent => ({ type: "text", choice: 0, text: value });

function learned(value: string, rest = ""): ReturnType<typeof createDeltaTemplates> {
  const templates = createDeltaTemplates();
  templates.learn(Buffer.from(frame(value, rest)), text(value));
  return templates;
}

describe("a known shape", () => {
  test.each(["b", "longer words", 'quote " and \\ and \n', "ü", "你好", "🍓", "\u0001", " "])(
    "is recognised with the content %j, which is counted",
    (content) => {
      const templates = learned("a");
      const [before, other, after] = [
        Buffer.from(frame("x")),
        Buffer.from(frame(content)),
        Buffer.from(frame("y")),
      ];
      const bytes = Buffer.concat([before, other, after]);
      expect(templates.match(bytes, before.length)).toBe(before.length + other.length);
      expect(templates.found.chars).toBe(content.length);
      expect(templates.found.like).toEqual(text("a"));
    },
  );

  test("is recognised though its obfuscation differs", () => {
    const templates = learned("a", ',"obfuscation":"xyz"');
    const other = Buffer.from(frame("b", ',"obfuscation":"12345678"'));
    expect(templates.match(other, 0)).toBe(other.length);
  });
});

describe("another shape is not taken for a known one", () => {
  test.each([
    ["no content", frame("")],
    ["a finish reason", frame("b").replace("null", '"stop"')],
    ["usage", frame("b", ',"usage":{}')],
    ["an error", frame("b", ',"error":{}')],
    ["another choice", frame("b").replace('"index":0', '"index":1')],
    ["another id", frame("b").replace('"id":"1"', '"id":"2"')],
    ["a cut frame", frame("b").slice(0, -1)],
    ["a cut string", frame("bbbb").slice(0, 60)],
    ["a raw newline in the string", frame("b").replace('"b"', '"\n"')],
    ["an escape that JSON does not know", frame("b").replace('"b"', '"\\q"')],
    ["half a Unicode escape", frame("b").replace('"b"', '"\\u12"')],
    ["other line ends", frame("b").replace("\n\n", "\r\n\r\n")],
    ["obfuscation where there was none", frame("b", ',"obfuscation":"x"')],
  ])("%s", (_, other) => {
    expect(learned("a").match(Buffer.from(other), 0)).toBe(-1);
  });

  test("nothing is known at first", () => {
    expect(createDeltaTemplates().match(Buffer.from(frame("a")), 0)).toBe(-1);
  });
});

describe("learning", () => {
  test("refuses a frame in which the content's place is in doubt", () => {
    const templates = createDeltaTemplates();
    const twice = Buffer.from('data: {"x":{"content":"a"},"choices":[{"delta":{"content":"a"}}]}\n\n');
    templates.learn(twice, text("a"));
    expect(templates.match(twice, 0)).toBe(-1);
    const elsewhere = Buffer.from('data: {"choices":[{"delta":{"content": "abc"},"y":{"content":"a"}}]}\n\n');
    templates.learn(elsewhere, text("abc"));
    expect(templates.match(elsewhere, 0)).toBe(-1);
  });

  test("refuses the first piece of a tool call", () => {
    const templates = createDeltaTemplates();
    const opening = Buffer.from(
      'data: {"choices":[{"delta":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{"}}]}}]}\n\n',
    );
    templates.learn(opening, { type: "toolCall", choice: 0, call: 0, id: "c", name: "f", arguments: "{" });
    expect(templates.match(opening, 0)).toBe(-1);
  });

  test("keeps the shapes of several choices and forgets the oldest", () => {
    const templates = createDeltaTemplates();
    const at = (index: number): Buffer => Buffer.from(frame("a").replace('"index":0', `"index":${index}`));
    for (let index = 0; index < 9; index += 1) templates.learn(at(index), text("a"));
    expect(templates.match(at(0), 0)).toBe(-1);
    for (let index = 1; index < 9; index += 1) expect(templates.match(at(index), 0)).toBe(at(index).length);
  });
});
