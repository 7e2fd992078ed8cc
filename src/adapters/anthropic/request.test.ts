import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { shaped } from "../testing/shaped.ts";
import { createAnthropic } from "./index.ts";

const anthropic = createAnthropic(new ManualClock());
const USER = { role: "user", content: "hi" };
const MANUAL = "claude-sonnet-4-5-20250929";
const toolOf = (name: string, more: object = {}) => ({ type: "function", function: { name, ...more } });
const F = toolOf("f", { description: "d", parameters: { properties: { a: { type: "string" } } } });

const sent = (fields: object, model = MANUAL) => shaped(anthropic, { ...fields }, { model });
const PLAIN = { model: MANUAL, max_tokens: 8_192, messages: [USER] };

describe("a request to Anthropic", () => {
  test("leaves out what is not supported, and says so where it had asked for something", () => {
    const { body, dropped } = sent({
      ...{ n: 1, seed: 7, logit_bias: { "1": 2 }, logprobs: true, store: false, metadata: { a: "b" } },
      ...{ presence_penalty: 0, frequency_penalty: 1, stop: null, system: "mine", service_tier: "auto" },
    });
    expect(body).toEqual(PLAIN);
    const told = ["frequency_penalty", "logit_bias", "logprobs", "metadata", "seed", "system"];
    expect(dropped.toSorted()).toEqual(told);
  });

  test.each([
    [{ max_completion_tokens: 9 }, { max_tokens: 9 }, []],
    [{ max_tokens: 9_999_999 }, { max_tokens: 8_192 }, []],
    [{ stop: "a" }, { stop_sequences: ["a"] }, []],
    [{ stop: ["\n", "x"] }, { stop_sequences: ["x"] }, ["stop"]],
    [{ temperature: 0.3 }, { temperature: 0.3 }, []],
    [{ temperature: 1.7 }, { temperature: 1 }, ["temperature"]],
    [{ temperature: 0.2, top_p: 0.3 }, { temperature: 0.2 }, ["top_p"]],
    [{ top_p: 0.3, top_k: 3 }, { top_p: 0.3, top_k: 3 }, []],
    [{ user: "u" }, { metadata: { user_id: "u" } }, []],
    [{ service_tier: "default" }, { service_tier: "standard_only" }, []],
    [{ service_tier: "priority" }, {}, ["service_tier"]],
    [{ cache_control: { type: "ephemeral" } }, { cache_control: { type: "ephemeral" } }, []],
    [
      { cache_control: { type: "ephemeral", ttl: "1h" } },
      { cache_control: { type: "ephemeral" } },
      ["cache_control.ttl"],
    ],
  ])("%j is sent as %j, and %j is told to be dropped", (asked, fields, dropped) => {
    expect(sent(asked).body).toEqual({ ...PLAIN, ...fields });
    expect(sent(asked).dropped).toEqual(dropped);
  });

  test.each(["claude-opus-4-7", "claude-sonnet-5", "claude-haiku-5-5", "ep-1234"])(
    "%s is spared sampling parameters, which it would refuse",
    (model) => {
      const { body, dropped } = sent({ temperature: 0.2, top_p: 0.9, top_k: 4 }, model);
      expect(body).toEqual({ ...PLAIN, model });
      expect(dropped).toEqual(["temperature", "top_p", "top_k"]);
      expect(sent({ temperature: 1, top_p: 1 }, model).dropped).toEqual([]);
    },
  );

  test("for a whole answer that may take long is streamed all the same", () => {
    const long = shaped(anthropic, {}, { model: MANUAL, maxOutputTokens: 64_000 });
    expect(long.body).toMatchObject({ stream: true, max_tokens: 64_000 });
    expect(sent({}).body.stream).toBeUndefined();
  });

  test.each([
    { n: 2 },
    { functions: [{ name: "f" }] },
    { tools: [{ type: "custom", custom: { name: "f" } }] },
    { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] },
    { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "http://x/a.png" } }] }] },
    { messages: [{ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }] },
    { messages: [USER, { role: "function", name: "f", content: "1" }] },
  ])("%j cannot be expressed", (fields) => {
    expect(() => sent(fields)).toThrow(SluiceError);
  });
});

describe("a conversation", () => {
  test("has its system apart, and neighbours of one role as one turn", () => {
    const { system, messages } = sent({
      messages: [
        { role: "system", content: "Be brief." },
        USER,
        {
          role: "user",
          content: [
            { type: "text", text: "you" },
            { type: "text", text: "" },
          ],
        },
        { role: "developer", content: [{ type: "text", text: "And kind." }] },
      ],
    }).body;
    expect(system).toBe("Be brief.\n\nAnd kind.");
    const content = [
      { type: "text", text: "hi" },
      { type: "text", text: "you" },
    ];
    expect(messages).toEqual([{ role: "user", content }]);
  });

  test("keeps an hour for what is to be cached where that has a price", () => {
    const hour = { type: "ephemeral", ttl: "1h" };
    const part = { type: "text", text: "long", cache_control: hour };
    const asked = { messages: [{ role: "system", content: [part] }, USER], cache_control: hour };
    const { body, dropped } = shaped(anthropic, asked, { hasLongCachePrice: true });
    expect(body).toMatchObject({ system: [part], cache_control: hour });
    expect(dropped).toEqual([]);
    const odd = { cache_control: { type: "ephemeral", ttl: "2d" } };
    expect(shaped(anthropic, odd, { hasLongCachePrice: true })).toMatchObject({
      body: { cache_control: { type: "ephemeral" } },
      dropped: ["cache_control.ttl"],
    });
  });

  test("keeps the marks of what is to be cached, for five minutes where only they have a price", () => {
    const part = { type: "text", text: "long", cache_control: { type: "ephemeral", ttl: "1h" } };
    const { body, dropped } = sent({ messages: [{ role: "system", content: [part] }, USER] });
    expect(body.system).toEqual([{ type: "text", text: "long", cache_control: { type: "ephemeral" } }]);
    expect(dropped).toEqual(["cache_control.ttl"]);
  });

  test("shows images and documents", () => {
    const content = [
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
      { type: "image_url", image_url: { url: "https://x/a.jpg" } },
      { type: "file", file: { file_data: "data:application/pdf;base64,BBBB", filename: "a.pdf" } },
    ];
    const pdf = { type: "base64", media_type: "application/pdf", data: "BBBB" };
    expect(sent({ messages: [{ role: "user", content }] }).body.messages).toEqual([
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
          { type: "image", source: { type: "url", url: "https://x/a.jpg" } },
          { type: "document", source: pdf, title: "a.pdf" },
        ],
      },
    ]);
  });

  test("has calls and their results, results first, images and failures among them", () => {
    const call = (id: string, text: string) => ({ id, function: { name: "f", arguments: text } });
    const image = { type: "image_url", image_url: { url: "https://x/a.png" } };
    const { messages } = sent({
      messages: [
        USER,
        { role: "assistant", content: null, tool_calls: [call("1", '{"a":1}'), call("2", "")] },
        { role: "tool", tool_call_id: "1", content: [image] },
        { role: "user", content: "And?" },
        { role: "tool", tool_call_id: "2", content: "broken", is_error: true },
      ],
    }).body;
    const shown = [{ type: "image", source: { type: "url", url: "https://x/a.png" } }];
    expect(messages).toEqual([
      USER,
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "1", name: "f", input: { a: 1 } },
          { type: "tool_use", id: "2", name: "f", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "1", content: shown },
          { type: "tool_result", tool_use_id: "2", content: "broken", is_error: true },
          { type: "text", text: "And?" },
        ],
      },
    ]);
  });

  test("is continued by models that can, without white space at its end; others cannot", () => {
    const messages = [USER, { role: "assistant", content: "Once \n" }];
    expect(sent({ messages }).body.messages).toEqual([USER, { role: "assistant", content: "Once" }]);
    expect(() => sent({ messages }, "claude-opus-4-6")).toThrow(SluiceError);
  });
});

describe("tools", () => {
  const tools = [F, toolOf("g", { strict: true })];
  const named = { type: "function", function: { name: "g" } };

  test("have their schemas under Anthropic's name", () => {
    const properties = { a: { type: "string" } };
    expect(sent({ tools }).body.tools).toEqual([
      { name: "f", description: "d", input_schema: { type: "object", properties } },
      { name: "g", input_schema: { type: "object", properties: {} }, strict: true },
    ]);
    expect(sent({ tools }, "claude-sonnet-4-20250514").dropped).toEqual(["tools.function.strict"]);
  });

  test.each([
    [{ tool_choice: "auto" }, { type: "auto" }],
    [{ tool_choice: "none", parallel_tool_calls: false }, { type: "none" }],
    [{ tool_choice: "required" }, { type: "any" }],
    [{ tool_choice: named }, { type: "tool", name: "g" }],
    [{ parallel_tool_calls: false }, { type: "auto", disable_parallel_tool_use: true }],
  ])("%j is the choice %j", (asked, choice) => {
    expect(sent({ tools, ...asked }).body).toMatchObject({ tool_choice: choice });
    expect(sent({ tools, ...asked }).dropped).toEqual([]);
  });

  test("that a model cannot be made to call are asked for in words", () => {
    const { body, dropped } = sent({ tools, tool_choice: named }, "claude-fable-5-1");
    expect(body).toMatchObject({ tool_choice: { type: "auto" }, system: 'Call the tool "g".' });
    expect(dropped).toEqual(["tool_choice.function"]);
  });
});

describe("the form of an answer", () => {
  const schema = { type: "object", properties: { a: { items: { type: "object", properties: {} } } } };
  const response_format = { type: "json_schema", json_schema: { name: "x", schema } };

  test("is a schema, closed as Anthropic wants it; in words where there is no field for it", () => {
    const shut = { type: "object", properties: {}, additionalProperties: false };
    const closed = { type: "object", properties: { a: { items: shut } }, additionalProperties: false };
    const format = { type: "json_schema", schema: closed };
    expect(sent({ response_format }).body).toEqual({ ...PLAIN, output_config: { format } });
    const older = sent({ response_format }, "claude-3-7-sonnet-20250219");
    expect(older.body.system).toContain(JSON.stringify(schema));
    expect(older.dropped).toEqual(["response_format.json_schema"]);
  });
});
