import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { shaped } from "../testing/shaped.ts";
import { createGemini } from "./index.ts";

const gemini = createGemini(new ManualClock());
const USER = { role: "user", content: "hi" };
const ASKED = { role: "user", parts: [{ text: "hi" }] };
const THIRD = "gemini-3.1-pro-preview";
const SECOND = "gemini-2.5-flash";
const toolOf = (name: string, more: object = {}) => ({ type: "function", function: { name, ...more } });

const sent = (fields: object, model = THIRD) => shaped(gemini, { ...fields }, { model });
const contentsOf = (messages: readonly object[], model = THIRD) => sent({ messages }, model).body.contents;

describe("a request to Gemini", () => {
  test("leaves out what is not supported, and says so where it had asked for something", () => {
    const { body, dropped } = sent({
      ...{
        n: 1,
        logit_bias: { "1": 2 },
        store: false,
        metadata: { a: "b" },
        user: "u",
        service_tier: "auto",
      },
      ...{ parallel_tool_calls: false, presence_penalty: 0, stop: null, modalities: ["text"] },
      ...{ cachedContent: "cachedContents/1", safetySettings: [], generationConfig: { topK: 1 } },
    });
    expect(body).toEqual({ contents: [ASKED] });
    const told = ["cachedContent", "generationConfig", "logit_bias", "metadata", "parallel_tool_calls"];
    expect(dropped.toSorted()).toEqual([...told, "safetySettings", "user"]);
  });

  test.each<[object, object, string[]]>([
    [{ max_completion_tokens: 9 }, { maxOutputTokens: 9 }, []],
    [{ stop: "a" }, { stopSequences: ["a"] }, []],
    [{ stop: ["a", "b", "c", "d", "e", "f"] }, { stopSequences: ["a", "b", "c", "d", "e"] }, ["stop"]],
    [{ temperature: 0.3, top_p: 0.4, top_k: 5 }, { temperature: 0.3, topP: 0.4, topK: 5 }, []],
    [{ n: 3, seed: 7 }, { candidateCount: 3, seed: 7 }, []],
    [{ seed: 2 ** 40, n: 2 }, { candidateCount: 2 }, ["seed"]],
    [
      { presence_penalty: 2, frequency_penalty: -2 },
      { presencePenalty: 1.99, frequencyPenalty: -2 },
      ["presence_penalty"],
    ],
    [{ logprobs: true, top_logprobs: 4 }, { responseLogprobs: true, logprobs: 4 }, []],
  ])("%j is sent as %j, and %j is told to be dropped", (asked, generationConfig, dropped) => {
    expect(sent(asked).body).toEqual({ contents: [ASKED], generationConfig });
    expect(sent(asked).dropped).toEqual(dropped);
  });

  test("never asks for more than the model can answer with", () => {
    const { body } = shaped(gemini, { max_tokens: 9_999_999 }, { model: THIRD, maxOutputTokens: 65_536 });
    expect(body.generationConfig).toEqual({ maxOutputTokens: 65_536 });
  });

  test("goes to the model's own method, of the version that has everything where no path is given", () => {
    const urlOf = (model: string, baseUrl: string) => shaped(gemini, {}, { model, baseUrl }).url;
    expect(urlOf(SECOND, "http://v:1")).toBe("http://v:1/v1beta/models/gemini-2.5-flash:generateContent");
    expect(urlOf("tunedModels/a b", "http://v/v1")).toBe("http://v/v1/tunedModels/a%20b:generateContent");
  });

  test.each([
    { n: 9 },
    { modalities: ["text", "audio"] },
    { functions: [{ name: "f" }] },
    { tools: [{ type: "custom", custom: { name: "f" } }] },
    { messages: [USER, { role: "function", name: "f", content: "1" }] },
    { messages: [{ role: "system", content: [{ type: "image_url", image_url: "https://x.test/a.png" }] }] },
    { messages: [{ role: "user", content: [{ type: "video_url" }] }] },
  ])("%j cannot be expressed", (fields) => {
    expect(() => sent(fields)).toThrow(SluiceError);
  });
});

describe("a conversation", () => {
  test("has its system apart, and neighbours of one role as one turn", () => {
    const parts = [
      { type: "text", text: "you" },
      { type: "text", text: "" },
    ];
    const { body } = sent({
      messages: [
        { role: "system", content: "Be brief." },
        USER,
        { role: "user", content: parts },
        { role: "developer", content: [{ type: "text", text: "And kind." }] },
        { role: "assistant", content: "Hello", refusal: "No" },
        USER,
      ],
    });
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: "Be brief." }, { text: "And kind." }] },
      contents: [
        { role: "user", parts: [{ text: "hi" }, { text: "you" }] },
        { role: "model", parts: [{ text: "Hello" }, { text: "No" }] },
        ASKED,
      ],
    });
  });

  test("that is all system becomes a user's", () => {
    const { body } = sent({ messages: [{ role: "system", content: "hi" }] });
    expect(body).toEqual({ contents: [ASKED] });
  });

  test("shows pictures, sound and documents", () => {
    const content = [
      { type: "image_url", image_url: { url: "data:image/jpg;base64,AAAA" } },
      { type: "image_url", image_url: { url: "https://pics.test/dir/a.PNG?s=1" } },
      { type: "input_audio", input_audio: { data: "BBBB", format: "wav" } },
      { type: "file", file: { file_data: "data:application/pdf;base64,CCCC", filename: "a.pdf" } },
    ];
    expect(contentsOf([{ role: "user", content }])).toEqual([
      {
        role: "user",
        parts: [
          { inlineData: { mimeType: "image/jpeg", data: "AAAA" } },
          { fileData: { mimeType: "image/png", fileUri: "https://pics.test/dir/a.PNG?s=1" } },
          { inlineData: { mimeType: "audio/wav", data: "BBBB" } },
          { inlineData: { mimeType: "application/pdf", data: "CCCC" } },
        ],
      },
    ]);
  });

  test.each([
    ["image_url", "data:image/gif;base64,AAAA"],
    ["image_url", "http://pics.test/a.png"],
    ["image_url", "https://pics.test/a"],
    // A file at Google belongs to the platform's key, and may be another client's.
    ["image_url", "https://generativelanguage.googleapis.com/v1beta/files/abc.png"],
    ["input_audio", { data: "AAAA", format: "pcm16" }],
    ["file", { file_id: "file-1" }],
  ])("with %s %j is refused by the field that holds it", (type, value) => {
    const thrown = (() => {
      try {
        return contentsOf([{ role: "user", content: [{ type, [type]: value }] }]);
      } catch (error) {
        return error;
      }
    })();
    if (!(thrown instanceof SluiceError)) throw new Error("was taken");
    expect([thrown.code, thrown.detail.param]).toEqual([
      "unsupported_parameter",
      `messages[0].content[0].${type}`,
    ]);
  });
});

describe("calls and their results", () => {
  const call = (id: string, name: string, text: string, more: object = {}) => ({
    ...{ id, type: "function", function: { name, arguments: text } },
    ...more,
  });
  const signed = { extra_content: { google: { thought_signature: "sig=" } } };
  const asked = [
    USER,
    {
      role: "assistant",
      content: null,
      tool_calls: [call("1", "f", '{"a":1}', signed), call("2", "g", "")],
    },
  ];

  test("are matched by their order, with names looked up, failures and pictures among them", () => {
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    const contents = contentsOf([
      ...asked,
      { role: "user", content: "And?" },
      { role: "tool", tool_call_id: "2", content: "broken", is_error: true },
      { role: "tool", tool_call_id: "1", content: [{ type: "text", text: "sun" }, image] },
    ]);
    expect(contents).toEqual([
      ASKED,
      {
        role: "model",
        parts: [
          { functionCall: { id: "1", name: "f", args: { a: 1 } }, thoughtSignature: "sig=" },
          { functionCall: { id: "2", name: "g", args: {} } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "1", name: "f", response: { output: "sun" } } },
          { functionResponse: { id: "2", name: "g", response: { error: "broken" } } },
          { text: "And?" },
          { inlineData: { mimeType: "image/png", data: "AAAA" } },
        ],
      },
    ]);
  });

  test("of another model are marked as such, where a signature is demanded", () => {
    const foreign = [
      USER,
      { role: "assistant", tool_calls: [call("1", "f", "{}"), call("2", "g", "{}")] },
      { role: "tool", tool_call_id: "1", content: "x" },
    ];
    expect(contentsOf(foreign)).toMatchObject([
      ASKED,
      { parts: [{ thoughtSignature: "skip_thought_signature_validator" }, { functionCall: { name: "g" } }] },
      {},
    ]);
    expect(JSON.stringify(contentsOf(foreign, SECOND))).not.toContain("thoughtSignature");
  });

  test("that belong to no call are the client's mistake", () => {
    const messages = [...asked, { role: "tool", tool_call_id: "3", content: "x" }];
    expect(() => contentsOf(messages)).toThrow("Invalid 'messages[2].tool_call_id'");
  });

  test("with arguments that are no JSON object cannot be said", () => {
    const messages = [USER, { role: "assistant", tool_calls: [call("1", "f", "[1]")] }];
    expect(() => contentsOf(messages)).toThrow("JSON object");
  });

  test("thoughts are given back by their signatures; without one they are told to be lost", () => {
    const thought = { role: "assistant", content: "4", reasoning_content: "2+2" };
    const kept = sent({ messages: [USER, { ...thought, ...signed }, USER] });
    expect(kept.body.contents).toMatchObject([{}, { parts: [{ text: "4", thoughtSignature: "sig=" }] }, {}]);
    expect(kept.dropped).toEqual([]);
    expect(sent({ messages: [USER, thought, USER] }).dropped).toEqual(["messages.reasoning_content"]);
  });
});

describe("tools", () => {
  const parameters = {
    $defs: { c: { type: "string" } },
    properties: { a: { $ref: "#/$defs/c" } },
    additionalProperties: false,
  };
  const tools = [
    toolOf("f", { description: "d", parameters }),
    toolOf("g", { parameters: { type: "object" } }),
  ];
  const named = { type: "function", function: { name: "g" } };

  test("have their schemas as they are; what takes nothing has none", () => {
    expect(sent({ tools }).body.tools).toEqual([
      {
        functionDeclarations: [
          { name: "f", description: "d", parametersJsonSchema: { type: "object", ...parameters } },
          { name: "g" },
        ],
      },
    ]);
  });

  test.each<[object, object | undefined]>([
    [{}, undefined],
    [{ tool_choice: "auto" }, { mode: "AUTO" }],
    [{ tool_choice: "none" }, { mode: "NONE" }],
    [{ tool_choice: "required" }, { mode: "ANY" }],
    [{ tool_choice: named }, { mode: "ANY", allowedFunctionNames: ["g"] }],
    [
      { tool_choice: { type: "allowed_tools", allowed_tools: { mode: "required", tools: [named] } } },
      { mode: "ANY", allowedFunctionNames: ["g"] },
    ],
    [
      { tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [named] } } },
      { mode: "VALIDATED", allowedFunctionNames: ["g"] },
    ],
    [{ tools: [toolOf("f", { strict: true })] }, { mode: "VALIDATED" }],
  ])("%j is the choice %j", (asked, functionCallingConfig) => {
    const { body, dropped } = sent({ tools, ...asked });
    expect(body.toolConfig).toEqual(
      functionCallingConfig === undefined ? undefined : { functionCallingConfig },
    );
    expect(dropped).toEqual([]);
  });
});

describe("the form of an answer", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  const response_format = { type: "json_schema", json_schema: { name: "x", schema } };
  const json = { responseMimeType: "application/json" };

  test("is JSON, or a schema", () => {
    expect(sent({ response_format: { type: "json_object" } }).body.generationConfig).toEqual(json);
    const strict = { ...json, responseJsonSchema: schema };
    expect(sent({ response_format }).body.generationConfig).toEqual(strict);
    expect(sent({ response_format: { type: "text" } }).body.generationConfig).toBeUndefined();
  });

  test("is asked for in words beside tools, where a model takes only one of the two", () => {
    const tools = [toolOf("f")];
    const { body, dropped } = sent({ response_format, tools }, SECOND);
    expect(body.generationConfig).toBeUndefined();
    expect(JSON.stringify(body.systemInstruction)).toContain("valid against this schema");
    expect(dropped).toEqual(["response_format.json_schema"]);
    expect(sent({ response_format, tools }).dropped).toEqual([]);
    expect(sent({ response_format, tools, tool_choice: "none" }, SECOND).dropped).toEqual([]);
  });
});

describe("reasoning_effort", () => {
  const shown = { includeThoughts: true };
  test.each<[string, string, object | undefined, string[]]>([
    ["gemini-3.8-flash", "minimal", { thinkingLevel: "MINIMAL", ...shown }, []],
    [THIRD, "minimal", { thinkingLevel: "LOW", ...shown }, []],
    [THIRD, "medium", { thinkingLevel: "MEDIUM", ...shown }, []],
    ["gemini-flash-latest", "xhigh", { thinkingLevel: "HIGH", ...shown }, []],
    [SECOND, "low", { thinkingBudget: 1_024, ...shown }, []],
    [SECOND, "high", { thinkingBudget: 24_576, ...shown }, []],
    [SECOND, "none", { thinkingBudget: 0 }, []],
    ["gemini-2.5-pro", "none", { thinkingBudget: 1_024 }, ["reasoning_effort"]],
    [THIRD, "none", { thinkingLevel: "LOW" }, ["reasoning_effort"]],
    ["gemini-2.0-flash", "high", undefined, ["reasoning_effort"]],
    ["gemini-2.0-flash", "none", undefined, []],
  ])("of %s: %s", (model, reasoning_effort, thinkingConfig, dropped) => {
    const { body, dropped: told } = sent({ reasoning_effort }, model);
    expect(body.generationConfig).toEqual(thinkingConfig === undefined ? undefined : { thinkingConfig });
    expect(told).toEqual(dropped);
  });

  test("may be said as Google's compatible layer has it; what else stands there is told to be dropped", () => {
    const thinking_config = { thinking_level: "low", include_thoughts: false };
    const said = sent({ extra_body: { google: { thinking_config } } });
    expect(said.body.generationConfig).toEqual({
      thinkingConfig: { thinkingLevel: "LOW", includeThoughts: false },
    });
    expect(said.dropped).toEqual([]);
    const more = sent({ extra_body: { google: { thinking_config, cached_content: "cachedContents/1" } } });
    expect(more.dropped).toEqual(["extra_body"]);
    expect(JSON.stringify(more.body)).not.toContain("cachedContents");
  });
});
