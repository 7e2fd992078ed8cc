import { expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { errorHere, wordHere } from "./words.ts";

test.each([
  ["temperature", "temperature"],
  ["stop", "stop_sequences"],
  ["max_completion_tokens", "max_tokens"],
  ["reasoning_effort", "thinking"],
  ["response_format.json_schema", "output_config.format"],
  ["tool_choice.required", "tool_choice.any"],
  ["parallel_tool_calls", "tool_choice.disable_parallel_tool_use"],
  ["tools.function.strict", "tools.strict"],
  ["tools[0]", "tools[0]"],
  ["messages.reasoning_content", "messages.thinking"],
  ["messages[3].content[1].image_url", "messages"],
  ["constructor", "constructor"],
])("the chat's %s is called %s here", (chat, here) => {
  expect(wordHere(chat)).toBe(here);
});

test("an error keeps all but its word", () => {
  const error = new SluiceError("unsupported_parameter", "No.", { param: "stop", status: 422 });
  expect(errorHere(error)).toMatchObject({
    code: "unsupported_parameter",
    message: "No.",
    detail: { param: "stop_sequences", status: 422 },
  });
  const other = new Error("x");
  expect(errorHere(other)).toBe(other);
});
