import { expect, test } from "bun:test";
import { spokenBytes } from "./spoken-bytes.ts";

test("what the model is told is counted, and not the form around it", () => {
  const called = { name: "f", arguments: "{}" };
  const messages = [
    { role: "system", content: "é" },
    {
      role: "user",
      content: [
        { type: "text", text: "abc" },
        { type: "image_url", image_url: { url: "1234" } },
      ],
    },
    { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: called }] },
    { role: "tool", tool_call_id: "c", content: "xyz" },
  ];
  expect(spokenBytes({ messages })).toBe(2 + 3 + 4 + 3 + 3);
  expect(spokenBytes({ messages: [], tools: [{}] })).toBe(4);
});
