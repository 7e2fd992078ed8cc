import { describe, expect, test } from "bun:test";
import type { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { parseMessages } from "./request.ts";
import { sealThought } from "./sealed-thoughts.ts";

const HI = { role: "user", content: "hi" };
const parse = (fields: JsonObject, betas: string | null = null) =>
  parseMessages({ model: "m", max_tokens: 9, messages: [HI], ...fields }, 200, betas);
const chatOf = (fields: JsonObject): JsonObject => parse(fields).request.body;
const messagesOf = (...messages: JsonObject[]): unknown => chatOf({ messages }).messages;

function refusalOf(fields: JsonObject): [string, string | undefined] {
  try {
    parse(fields);
  } catch (thrown) {
    const { code, detail } = thrown as SluiceError; // nothing else is thrown
    return [code, detail.param];
  }
  return ["none", undefined];
}

describe("a Messages body as a chat", () => {
  test("has the same fields by their other names", () => {
    const body = chatOf({
      system: "Be kind.",
      stream: true,
      stop_sequences: ["x"],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 3,
      metadata: { user_id: "u" },
      service_tier: "standard_only",
    });
    expect(body).toEqual({
      model: "m",
      messages: [{ role: "system", content: "Be kind." }, HI],
      max_tokens: 9,
      stream: true,
      stop: ["x"],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 3,
      user: "u",
      service_tier: "default",
    });
  });

  test("leaves away what asks for nothing", () => {
    const fields = { stream: false, service_tier: "auto", stop_sequences: [], temperature: null, tools: [] };
    expect(chatOf(fields)).toEqual({ model: "m", messages: [HI], max_tokens: 9 });
  });

  test("says what routing and metering need", () => {
    const image = { type: "image", source: { type: "url", url: "https://x/y.png" } };
    const { request } = parse({
      stream: true,
      tools: [{ name: "f", input_schema: {} }],
      messages: [{ role: "user", content: [image] }],
    });
    expect(request).toMatchObject({
      operation: "chat",
      model: "m",
      stream: true,
      maxOutputTokens: 9,
      choices: 1,
      usesTools: true,
      usesImages: true,
    });
  });

  test.each([
    [{ type: "disabled" }, undefined, "none"],
    [{ type: "enabled", budget_tokens: 1_024 }, undefined, "low"],
    [{ type: "enabled", budget_tokens: 10_000 }, undefined, "medium"],
    [{ type: "enabled", budget_tokens: 30_000 }, undefined, "high"],
    [{ type: "adaptive" }, undefined, "medium"],
    [{ type: "adaptive" }, "low", "low"],
    [undefined, "max", "xhigh"],
    [undefined, undefined, undefined],
  ])("thinks by %j and effort %p as much as %p", (thinking, effort, expected) => {
    const body = chatOf({ thinking, ...(effort === undefined ? {} : { output_config: { effort } }) });
    expect(body.reasoning_effort).toBe(expected);
  });

  test.each([
    [{ type: "auto" }, { tool_choice: "auto" }],
    [{ type: "none" }, { tool_choice: "none" }],
    [
      { type: "any", disable_parallel_tool_use: true },
      { tool_choice: "required", parallel_tool_calls: false },
    ],
    [{ type: "tool", name: "f" }, { tool_choice: { type: "function", function: { name: "f" } } }],
  ])("chooses among tools by %j", (tool_choice, expected) => {
    const schema = { type: "object", properties: {} };
    const body = chatOf({ tools: [{ name: "f", description: "d", input_schema: schema }], tool_choice });
    expect(body).toMatchObject(expected);
    expect(body.tools).toEqual([
      { type: "function", function: { name: "f", description: "d", parameters: schema } },
    ]);
  });

  test("keeps to a schema, in its newer place and its older one", () => {
    const format = { type: "json_schema", schema: { type: "object" } };
    const expected = { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" } } };
    expect(chatOf({ output_config: { format } }).response_format).toEqual(expected);
    expect(chatOf({ output_format: format }).response_format).toEqual(expected);
  });
});

describe("a conversation as chat messages", () => {
  test("shows texts, images and documents", () => {
    const content = [
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
      { type: "document", title: "T", source: { type: "base64", media_type: "application/pdf", data: "BB" } },
      { type: "document", title: "Of gates", source: { type: "text", media_type: "text/plain", data: "G." } },
      { type: "search_result", title: "S", source: "http://s", content: [{ type: "text", text: "found" }] },
      { type: "text", text: "What?" },
    ];
    expect(messagesOf({ role: "user", content })).toEqual([
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
          { type: "file", file: { filename: "T", file_data: "data:application/pdf;base64,BB" } },
          { type: "text", text: "Of gates" },
          { type: "text", text: "G." },
          { type: "text", text: "S\nhttp://s\nfound" },
          { type: "text", text: "What?" },
        ],
      },
    ]);
  });

  test("has results of tools before what the user says, and shows what they show as the user's", () => {
    const image = { type: "image", source: { type: "url", url: "https://x" } };
    const content = [
      { type: "text", text: "Well?" },
      { type: "tool_result", tool_use_id: "a", content: "sun" },
      { type: "tool_result", tool_use_id: "b", content: [{ type: "text", text: "see" }, image] },
      { type: "tool_result", tool_use_id: "c", is_error: true, content: "gone" },
      { type: "tool_result", tool_use_id: "d" },
    ];
    expect(messagesOf({ role: "user", content })).toEqual([
      { role: "tool", tool_call_id: "a", content: "sun" },
      { role: "tool", tool_call_id: "b", content: "see" },
      { role: "tool", tool_call_id: "c", content: "Error: gone" },
      { role: "tool", tool_call_id: "d", content: "" },
      {
        role: "user",
        content: [
          { type: "text", text: "Well?" },
          { type: "text", text: "The tool's result of b:" },
          { type: "image_url", image_url: { url: "https://x" } },
        ],
      },
    ]);
  });

  test("says what an assistant thought, said and called in one message", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "sig" },
      { type: "redacted_thinking", data: "sealed by Anthropic" },
      { type: "text", text: "one" },
      { type: "text", text: "two" },
      { type: "tool_use", id: "a", name: "f", input: { x: 1 } },
    ];
    expect(messagesOf(HI, { role: "assistant", content })).toEqual([
      HI,
      {
        role: "assistant",
        content: "one\n\ntwo",
        reasoning_content: "hm",
        tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } }],
      },
    ]);
    const alone = [{ type: "tool_use", id: "a", name: "f", input: {} }];
    expect(messagesOf({ role: "assistant", content: alone })).toMatchObject([{ content: null }]);
  });

  test("gives a vendor back what it wants back", () => {
    const data = sealThought({
      message: { thinking_blocks: [{ type: "x" }], role: "system" },
      calls: { a: { extra_content: { google: 1 }, id: "other" } },
    });
    const content = [
      { type: "tool_use", id: "a", name: "f", input: {} },
      { type: "redacted_thinking", data },
    ];
    expect(messagesOf({ role: "assistant", content })).toEqual([
      {
        role: "assistant",
        content: null,
        thinking_blocks: [{ type: "x" }],
        tool_calls: [
          {
            id: "a",
            type: "function",
            function: { name: "f", arguments: "{}" },
            extra_content: { google: 1 },
          },
        ],
      },
    ]);
  });
});

describe("the same request in the client's own words", () => {
  test("is the body itself, with the betas that it asks for", () => {
    const body = { model: "m", max_tokens: 9, messages: [HI] };
    const { native } = parseMessages(body, 9, "b1").request;
    expect(native).toEqual({ dialect: "anthropic", body, headers: { "anthropic-beta": "b1" } });
    expect(native?.body).toBe(body);
  });

  test.each([
    ["an empty signature", { type: "thinking", thinking: "hm", signature: "" }],
    ["another vendor's", { type: "thinking", thinking: "hm", signature: "sluice" }],
    ["sealed here", { type: "redacted_thinking", data: sealThought({ message: {}, calls: {} }) }],
  ])("is not used when the conversation holds thoughts with %s", (_, thought) => {
    const messages = [HI, { role: "assistant", content: [thought, { type: "text", text: "x" }] }, HI];
    expect(parse({ messages }).request.native).toBeUndefined();
    const tools = [{ type: "bash_20250124", name: "bash" }];
    const { native } = parse({ messages, tools }).request;
    expect(native?.body.messages).toEqual([
      HI,
      { role: "assistant", content: [{ type: "text", text: "x" }] },
      HI,
    ]);
  });

  test.each([
    [{ tools: [{ type: "bash_20250124", name: "bash" }] }, "tools[0].type"],
    [
      { messages: [{ role: "assistant", content: [{ type: "server_tool_use", id: "a" }] }] },
      "messages[0].content[0].type",
    ],
    [
      { messages: [{ role: "user", content: [{ type: "document", source: { type: "url", url: "u" } }] }] },
      "messages[0].content[0].source",
    ],
  ])("is all there is for %j", (fields, param) => {
    expect(parse(fields).request.native?.only?.param).toBe(param);
  });

  test("is held for as much as it may be: documents that nobody here has seen, tools that no chat has", () => {
    const elsewhere = { type: "document", source: { type: "url", url: "https://x/y.pdf" } };
    const result = { type: "tool_result", tool_use_id: "a", content: [elsewhere] };
    const { request } = parse({
      messages: [{ role: "user", content: [elsewhere, result] }],
      tools: [{ type: "bash_20250124", name: "bash" }],
    });
    expect(request.promptTokens).toBe(parse({}).request.promptTokens + 600_000);
    expect(request.usesTools).toBe(true);
  });

  test("tells what the chat leaves out", () => {
    const cached = { cache_control: { type: "ephemeral" } };
    const { dropped } = parse({
      ...cached,
      context_management: {},
      inference_geo: "global",
      messages: [
        {
          role: "user",
          content: [
            {
              type: "document",
              citations: { enabled: true },
              source: { type: "text", data: "x" },
              ...cached,
            },
          ],
        },
        { role: "assistant", content: "It is" },
      ],
    });
    expect(dropped.toSorted()).toEqual([
      "cache_control",
      "citations",
      "context_management",
      "inference_geo",
      "messages.prefill",
    ]);
    expect(parse({}).dropped).toEqual([]);
  });
});

test.each([
  [{ model: undefined }, "invalid_request", "model"],
  [{ max_tokens: undefined }, "invalid_request", "max_tokens"],
  [{ max_tokens: 0 }, "invalid_request", "max_tokens"],
  [{ messages: [] }, "invalid_request", "messages"],
  [{ messages: [{ role: "tool", content: "x" }] }, "invalid_request", "messages[0].role"],
  [{ messages: [{ role: "user", content: 7 }] }, "invalid_request", "messages[0].content"],
  [{ messages: [{ role: "user", content: [7] }] }, "invalid_request", "messages[0].content[0]"],
  [
    { messages: [{ role: "user", content: [{ type: "text" }] }] },
    "invalid_request",
    "messages[0].content[0].text",
  ],
  [{ system: 7 }, "invalid_request", "system"],
  [{ tools: {} }, "invalid_request", "tools"],
  [{ tools: [{ name: "f" }] }, "invalid_request", "tools[0].input_schema"],
  [{ tools: [{ type: "web_search_20250305", name: "w" }] }, "unsupported_parameter", "tools[0].type"],
  [
    { tools: [{ name: "f", input_schema: {} }], tool_choice: { type: "some" } },
    "invalid_request",
    "tool_choice.type",
  ],
  [{ thinking: { type: "enabled" } }, "invalid_request", "thinking.budget_tokens"],
  [{ thinking: { type: "deep" } }, "invalid_request", "thinking.type"],
  [{ mcp_servers: [{}] }, "unsupported_parameter", "mcp_servers"],
  [{ thread: { type: "create" } }, "unsupported_parameter", "thread"],
  [{ inference_geo: "us" }, "unsupported_parameter", "inference_geo"],
  [
    { messages: [{ role: "user", content: [{ type: "container_upload", file_id: "f" }] }] },
    "unsupported_parameter",
    "messages[0].content[0].type",
  ],
  [
    { messages: [{ role: "user", content: [{ type: "image", source: { type: "file", file_id: "f" } }] }] },
    "unsupported_parameter",
    "messages[0].content[0].source",
  ],
  [
    {
      messages: [
        {
          role: "assistant",
          content: [
            {
              type: "web_fetch_tool_result",
              content: { content: { type: "document", source: { type: "file", file_id: "f" } } },
            },
          ],
        },
      ],
    },
    "unsupported_parameter",
    "messages[0].content[0]",
  ],
  [
    { messages: [{ role: "user", content: [{ type: "image", source: { type: "ftp" } }] }] },
    "invalid_request",
    "messages[0].content[0].source.type",
  ],
  [{ top_k: 1.5 }, "invalid_request", "top_k"],
  [{ output_config: { format: { type: "xml" } } }, "invalid_request", "output_config.format.type"],
] as const)("%j is refused", (fields, code, param) => {
  expect(refusalOf(fields)).toEqual([code, param]);
});

test("a PDF is held for by its pages, also where a tool that Anthropic ran once found it", () => {
  const data = Buffer.from(`%PDF-1.7\n${"<< /Type /Page >>\n".repeat(50)}`).toString("base64");
  const document = { type: "document", source: { type: "base64", media_type: "application/pdf", data } };
  const found = {
    type: "web_fetch_tool_result",
    tool_use_id: "t",
    content: { type: "web_fetch_result", url: "https://x.test", content: document },
  };
  for (const [role, block] of [
    ["user", document],
    ["assistant", found],
  ])
    expect(parse({ messages: [HI, { role, content: [block] }] }).request.promptTokens).toBeGreaterThanOrEqual(
      50 * 4_600,
    );
});
