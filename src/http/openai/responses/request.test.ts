import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../../core/errors.ts";
import { parseResponses } from "./request.ts";

const body = (more: object = {}) => ({ model: "m", input: "Hello", ...more });
const look = { type: "function", name: "look", parameters: { type: "object" }, strict: true };

function refusal(value: unknown): readonly [string, string | undefined] {
  try {
    parseResponses(value);
  } catch (thrown) {
    if (thrown instanceof SluiceError) return [thrown.code, thrown.detail.param];
    throw thrown;
  }
  throw new Error("was not refused");
}

describe("a Responses body", () => {
  test("is kept and whole unless it says otherwise", () => {
    const { store, stream, previous, input, chat } = parseResponses(body());
    expect([store, stream, previous]).toEqual([true, false, undefined]);
    expect(input).toEqual([
      { type: "message", role: "user", content: [{ type: "input_text", text: "Hello" }] },
    ]);
    expect(chat).toEqual({ model: "m", stream: false });
    expect(parseResponses(body({ store: false, stream: true }))).toMatchObject({
      store: false,
      stream: true,
    });
  });

  test("says in chat's words what it wants", () => {
    const { chat, summarizes } = parseResponses(
      body({
        max_output_tokens: 50,
        temperature: 0.5,
        reasoning: { effort: "low", summary: "auto" },
        text: { verbosity: "low", format: { type: "json_schema", name: "a", schema: {}, strict: true } },
        tools: [look],
        tool_choice: { type: "function", name: "look" },
        parallel_tool_calls: false,
        include: ["message.output_text.logprobs"],
        top_logprobs: 2,
        metadata: { a: "b" },
        user: "u",
        seed: null,
      }),
    );
    expect(summarizes).toBe(true);
    expect(chat).toEqual({
      model: "m",
      stream: false,
      temperature: 0.5,
      user: "u",
      max_completion_tokens: 50,
      reasoning_effort: "low",
      verbosity: "low",
      response_format: { type: "json_schema", json_schema: { name: "a", schema: {}, strict: true } },
      tools: [{ type: "function", function: { name: "look", parameters: { type: "object" }, strict: true } }],
      tool_choice: { type: "function", function: { name: "look" } },
      parallel_tool_calls: false,
      logprobs: true,
      top_logprobs: 2,
    });
  });

  test("offers only the tools that it allows", () => {
    const tools = [look, { ...look, name: "touch" }];
    const allowed = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "touch" }] };
    const { chat } = parseResponses(body({ tools, tool_choice: allowed }));
    expect(chat.tools).toMatchObject([{ function: { name: "touch" } }]);
    expect(chat.tool_choice).toBe("required");
  });

  test("messages and references may leave their type away", () => {
    const { input } = parseResponses(body({ input: [{ role: "user", content: "x" }, { id: "msg_a_0" }] }));
    expect(input.map(({ type }) => type)).toEqual(["message", "item_reference"]);
  });

  test("tells what it asks for and does not get", () => {
    const { dropped } = parseResponses(
      body({
        truncation: "auto",
        max_tool_calls: 3,
        include: ["file_search_call.results", "reasoning.encrypted_content"],
        stream_options: { include_obfuscation: true },
      }),
    );
    expect([...dropped].sort()).toEqual([
      "include.file_search_call.results",
      "max_tool_calls",
      "stream_options.include_obfuscation",
      "truncation",
    ]);
    expect(parseResponses(body({ truncation: "disabled", background: false })).dropped).toEqual([]);
  });

  test.each<[object, string, string]>([
    [{ model: 7 }, "invalid_request", "model"],
    [{ input: null }, "invalid_request", "input"],
    [{ input: 7 }, "invalid_request", "input"],
    [{ input: ["x"] }, "invalid_request", "input[0]"],
    [{ stream: "yes" }, "invalid_request", "stream"],
    [{ max_output_tokens: 0 }, "invalid_request", "max_output_tokens"],
    [{ top_logprobs: 21 }, "invalid_request", "top_logprobs"],
    [{ text: { format: { type: "xml" } } }, "invalid_request", "text.format.type"],
    [{ text: { format: { type: "json_schema", schema: {} } } }, "invalid_request", "text.format.name"],
    [{ reasoning: { effort: 3 } }, "invalid_request", "reasoning.effort"],
    [{ metadata: { a: 1 } }, "invalid_request", "metadata.a"],
    [{ include: [1] }, "invalid_request", "include[0]"],
    [{ tools: [{ type: "function" }] }, "invalid_request", "tools[0].name"],
    [{ tools: [look], tool_choice: "maybe" }, "invalid_request", "tool_choice"],
    [{ tools: [{ type: "web_search" }] }, "unsupported_parameter", "tools[0].type"],
    [{ tools: [look], tool_choice: { type: "mcp" } }, "unsupported_parameter", "tool_choice"],
    [{ tool_choice: { type: "web_search" } }, "unsupported_parameter", "tool_choice"],
    [{ background: true }, "unsupported_parameter", "background"],
    [{ conversation: "conv_1" }, "unsupported_parameter", "conversation"],
    [{ prompt: { id: "p" } }, "unsupported_parameter", "prompt"],
    [{ messages: [] }, "unsupported_parameter", "messages"],
    [{ n: 2 }, "unsupported_parameter", "n"],
  ])("with %j is refused by the field's name", (more, code, param) => {
    expect(refusal(body(more))).toEqual([code, param]);
  });
});
