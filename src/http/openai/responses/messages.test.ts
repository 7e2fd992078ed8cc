import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import { sealCarried } from "./carried.ts";
import { messagesOf } from "./messages.ts";

const chat = (...items: readonly JsonObject[]) => messagesOf(undefined, [{ items, path: "input" }]);
const user = (text: string) => ({ type: "message", role: "user", content: text });
const assistant = (text: string) => ({
  type: "message",
  role: "assistant",
  content: [{ type: "output_text", text, annotations: [] }],
});
const call = (id: string, more: JsonObject = {}) => ({
  type: "function_call",
  id: `fc_${id}`,
  call_id: id,
  name: "look",
  arguments: "{}",
  status: "completed",
  ...more,
});
const output = (id: string, value: unknown = "done") => ({
  type: "function_call_output",
  call_id: id,
  output: value,
});
const called = (id: string, more: JsonObject = {}) => ({
  id,
  type: "function",
  function: { name: "look", arguments: "{}" },
  ...more,
});

function refusal(run: () => unknown): SluiceError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
  throw new Error("was not refused");
}

describe("items as a chat", () => {
  test("instructions come first, and messages keep their roles", () => {
    const items = [
      { type: "message", role: "developer", content: "Be kind." },
      user("Hello"),
      assistant("Hi"),
    ];
    expect(messagesOf("Be brief.", [{ items, path: "input" }])).toEqual([
      { role: "system", content: "Be brief." },
      { role: "developer", content: "Be kind." },
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi" },
    ]);
  });

  test("what an assistant thought, said and called in a row is one message", () => {
    const thought = { type: "reasoning", summary: [{ type: "summary_text", text: "Look twice." }] };
    const items = [
      user("x"),
      thought,
      assistant("Wait."),
      call("a"),
      call("b"),
      output("a"),
      output("b", "2"),
    ];
    expect(chat(...items)).toEqual([
      { role: "user", content: "x" },
      {
        role: "assistant",
        content: "Wait.",
        reasoning_content: "Look twice.",
        tool_calls: [called("a"), called("b")],
      },
      { role: "tool", tool_call_id: "a", content: "done" },
      { role: "tool", tool_call_id: "b", content: "2" },
    ]);
  });

  test("two answers in a row are two messages, and words behind a call belong to it", () => {
    expect(chat(assistant("one"), assistant("two"), call("a"), assistant("three"), output("a"))).toEqual([
      { role: "assistant", content: "one" },
      { role: "assistant", content: "two\n\nthree", tool_calls: [called("a")] },
      { role: "tool", tool_call_id: "a", content: "done" },
    ]);
  });

  test("turns do not run into each other", () => {
    const turn = (text: string) => ({ items: [assistant(text)], path: "previous_response_id" });
    expect(messagesOf(undefined, [turn("one"), turn("two")])).toHaveLength(2);
  });

  test("what a vendor wants back is on the message and on the call, what others sealed or the SDK added is not", () => {
    const thought = {
      type: "reasoning",
      summary: [],
      encrypted_content: sealCarried({ thinking_blocks: [{ signature: "s" }], role: "system" }),
    };
    const signed = call("a", { extra_content: { google: { thought_signature: "t" } }, parsed_arguments: {} });
    expect(chat(thought, signed, output("a"))[0]).toEqual({
      role: "assistant",
      content: null,
      thinking_blocks: [{ signature: "s" }],
      tool_calls: [called("a", { extra_content: { google: { thought_signature: "t" } } })],
    });
    for (const foreign of ["gAAAAAB-openai", "sluice.bm8ganNvbg==", 7]) {
      const item = { type: "reasoning", summary: [], encrypted_content: foreign };
      expect(chat(item, assistant("x"))).toEqual([{ role: "assistant", content: "x" }]);
    }
  });

  test("a thought alone says nothing, and a call that was cut off was never made", () => {
    const thought = { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] };
    expect(chat(user("x"), thought)).toEqual([{ role: "user", content: "x" }]);
    expect(chat(user("x"), call("a", { status: "incomplete" }))).toEqual([{ role: "user", content: "x" }]);
  });

  test("refusals, images and files are told in chat's form", () => {
    const refused = { type: "message", role: "assistant", content: [{ type: "refusal", refusal: "No." }] };
    const parts = [
      { type: "input_text", text: "What is this?" },
      { type: "input_image", image_url: "https://x.test/a.png", detail: "low" },
      { type: "input_file", file_data: "data:application/pdf;base64,AA==", filename: "a.pdf" },
    ];
    expect(chat({ type: "message", role: "user", content: parts }, refused)).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: "https://x.test/a.png", detail: "low" } },
          { type: "file", file: { file_data: "data:application/pdf;base64,AA==", filename: "a.pdf" } },
        ],
      },
      { role: "assistant", content: null, refusal: "No." },
    ]);
  });

  test.each<[string, readonly JsonObject[], string, string]>([
    ["an output without its call", [user("x"), output("a")], "invalid_request", "input[1]"],
    ["a second output of a call", [call("a"), output("a"), output("a")], "invalid_request", "input[2]"],
    ["a call without its output", [call("a"), user("x")], "invalid_request", "input"],
    ["nothing", [], "invalid_request", "input"],
    [
      "an unknown role",
      [{ type: "message", role: "tool", content: "x" }],
      "invalid_request",
      "input[0].role",
    ],
    ["an unknown item", [{ type: "computer_call" }], "unsupported_parameter", "input[0].type"],
    [
      "a kept file",
      [{ type: "message", role: "user", content: [{ type: "input_image", file_id: "file-1" }] }],
      "unsupported_parameter",
      "input[0].content[0].file_id",
    ],
    ...[
      { type: "input_image", file_id: "file-1", image_url: "https://x.test/a.png" },
      { type: "input_file", file_id: "file-1", file_data: "data:," },
      { type: "input_file", file_url: "http://169.254.169.254/", file_data: "data:," },
    ].map((part): [string, readonly JsonObject[], string, string] => [
      `a kept file beside one that was sent (${Object.keys(part).join()})`,
      [{ type: "message", role: "user", content: [part] }],
      "unsupported_parameter",
      `input[0].content[0]${part.type === "input_image" ? ".file_id" : ""}`,
    ]),
    [
      "a tool that shows an image",
      [call("a"), output("a", [{ type: "input_image", image_url: "https://x.test/a.png" }])],
      "unsupported_parameter",
      "input[1].output",
    ],
    ["a call without a name", [call("a", { name: 7 })], "invalid_request", "input[0].name"],
  ])("%s is refused where it stands", (_, items, code, param) => {
    const error = refusal(() => chat(...items));
    expect([error.code, error.detail.param]).toEqual([code as typeof error.code, param]);
  });
});
