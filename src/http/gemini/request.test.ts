import { describe, expect, test } from "bun:test";
import type { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { parseContent } from "./request.ts";
import { sealCarried } from "./signatures.ts";

const HI = { role: "user", parts: [{ text: "hi" }] };
/** Another client's, as far as anybody knows. */
const OWN_FILE = "https://generativelanguage.googleapis.com/v1beta/files/a";
const parse = (body: JsonObject) => parseContent({ contents: [HI], ...body }, "m", false, 200);
const chatOf = (body: JsonObject): JsonObject => parse(body).request.body;
const messagesOf = (...contents: JsonObject[]): unknown => chatOf({ contents }).messages;
const configured = (generationConfig: JsonObject): JsonObject => chatOf({ generationConfig });

function refusalOf(body: JsonObject): [string, string | undefined] {
  try {
    parse(body);
  } catch (thrown) {
    const { code, detail } = thrown as SluiceError; // nothing else is thrown
    return [code, detail.param];
  }
  return ["none", undefined];
}

describe("a body of Gemini's as a chat", () => {
  test("has the same fields by their other names", () => {
    const body = chatOf({
      systemInstruction: { parts: [{ text: "Be kind." }] },
      generationConfig: {
        maxOutputTokens: 9,
        temperature: 0.5,
        topP: 0.9,
        topK: 3,
        candidateCount: 2,
        stopSequences: ["x"],
        seed: 7,
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        responseLogprobs: true,
        logprobs: 4,
        thinkingConfig: { thinkingLevel: "LOW" },
      },
    });
    expect(body).toEqual({
      model: "m",
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: "hi" },
      ],
      max_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 3,
      n: 2,
      stop: ["x"],
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      logprobs: true,
      top_logprobs: 4,
      reasoning_effort: "low",
    });
  });

  test("says the same in snake case, and with one thing where a list is meant", () => {
    const snake = {
      contents: { parts: { text: "hi" } },
      system_instruction: { parts: { text: "s" } },
      generation_config: { max_output_tokens: 9, stop_sequences: "x" },
      tools: { function_declarations: { name: "f_g", parameters: { type: "OBJECT" } } },
      tool_config: { function_calling_config: { mode: "ANY", allowed_function_names: "f_g" } },
    };
    const camel = {
      contents: [{ parts: [{ text: "hi" }] }],
      systemInstruction: { parts: [{ text: "s" }] },
      generationConfig: { maxOutputTokens: 9, stopSequences: ["x"] },
      tools: [{ functionDeclarations: [{ name: "f_g", parameters: { type: "OBJECT" } }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f_g"] } },
    };
    expect(parse(snake)).toEqual(parse(camel));
    expect(parse(snake).request.native?.body).toEqual(camel);
    expect(refusalOf({ generation_config: {}, generationConfig: {} })).toEqual([
      "invalid_request",
      "generationConfig",
    ]);
  });

  test.each([
    [{ thinkingBudget: 0 }, "none"],
    [{ thinkingBudget: -1 }, undefined],
    [{ thinkingBudget: 1_024 }, "low"],
    [{ thinkingBudget: 8_192 }, "medium"],
    [{ thinkingBudget: 24_576 }, "high"],
    [{ thinkingLevel: "MINIMAL" }, "minimal"],
    [{ includeThoughts: true }, undefined],
  ])("thinks by %j as %p", (thinkingConfig, effort) => {
    expect(configured({ thinkingConfig }).reasoning_effort).toBe(effort);
  });

  test("keeps the form of the answer, by either kind of schema", () => {
    const json = { responseMimeType: "application/json" };
    const plain = { type: "object", properties: { a_b: { type: ["string", "null"], maxLength: 3 } } };
    const schema = {
      type: "OBJECT",
      properties: { a_b: { type: "STRING", nullable: true, max_length: "3" } },
      propertyOrdering: ["a_b"],
    };
    expect(configured(json).response_format).toEqual({ type: "json_object" });
    for (const fields of [{ responseSchema: schema }, { responseJsonSchema: plain }]) {
      expect(configured({ ...json, ...fields }).response_format).toEqual({
        type: "json_schema",
        json_schema: { name: "answer", schema: plain },
      });
    }
    expect(configured({ responseMimeType: "text/plain" }).response_format).toBeUndefined();
  });

  test("offers functions, and only those that are allowed", () => {
    const declared = (name: string) => ({ name, parameters: { type: "OBJECT" } });
    const tools = [{ functionDeclarations: [declared("a"), declared("b")] }];
    const offered = (functionCallingConfig: JsonObject) => {
      const { tools: given, tool_choice } = chatOf({ tools, toolConfig: { functionCallingConfig } });
      return [(given as { function: { name: string } }[]).map((tool) => tool.function.name), tool_choice];
    };
    expect(offered({})).toEqual([["a", "b"], undefined]);
    expect(offered({ mode: "AUTO" })).toEqual([["a", "b"], "auto"]);
    expect(offered({ mode: "NONE" })).toEqual([["a", "b"], "none"]);
    expect(offered({ mode: "ANY" })).toEqual([["a", "b"], "required"]);
    expect(offered({ mode: "ANY", allowedFunctionNames: ["b"] })).toEqual([
      ["b"],
      { type: "function", function: { name: "b" } },
    ]);
    expect(offered({ mode: "VALIDATED", allowedFunctionNames: ["a"] })).toEqual([["a"], "auto"]);
    expect(refusalOf({ tools, toolConfig: { functionCallingConfig: { mode: "MAYBE" } } })).toEqual([
      "invalid_request",
      "toolConfig.functionCallingConfig.mode",
    ]);
  });
});

describe("a conversation", () => {
  const call = (name: string, id?: string) => ({
    functionCall: { ...(id === undefined ? {} : { id }), name, args: { a: 1 } },
  });
  const result = (name: string, output: string, id?: string) => ({
    functionResponse: { ...(id === undefined ? {} : { id }), name, response: { output } },
  });

  test("of many contents of the model has them as one message, thoughts apart", () => {
    const parts = (...texts: JsonObject[]) => ({ role: "model", parts: texts });
    expect(
      messagesOf(
        HI,
        parts({ text: "Hm.", thought: true }),
        parts({ text: "one " }),
        parts({ text: "two" }),
        HI,
      ),
    ).toEqual([
      { role: "user", content: "hi" },
      { role: "assistant", content: "one two", reasoning_content: "Hm." },
      { role: "user", content: "hi" },
    ]);
  });

  test("has results that come without an id by the names and the order of the calls", () => {
    const model = { role: "model", parts: [call("f"), call("g"), call("f")] };
    const user = { role: "user", parts: [result("f", "1"), result("f", "3"), result("g", "2")] };
    const messages = messagesOf(HI, model, user) as readonly JsonObject[];
    const [first, second, third] = (messages[1] as { tool_calls: { id: string }[] }).tool_calls.map(
      ({ id }) => id,
    );
    expect(new Set([first, second, third]).size).toBe(3);
    // Of the form that Gemini's adapter takes out again.
    expect(first).toMatch(/^call_[0-9a-f]{24}$/);
    expect(messages.slice(2)).toEqual([
      { role: "tool", tool_call_id: first, content: "1" },
      { role: "tool", tool_call_id: third, content: "3" },
      { role: "tool", tool_call_id: second, content: "2" },
    ]);
  });

  test("has results by their ids, before what the user says", () => {
    const model = { role: "model", parts: [call("f", "x"), call("f", "y")] };
    const user = { role: "user", parts: [{ text: "and?" }, result("f", "2", "y"), result("f", "1", "x")] };
    expect((messagesOf(HI, model, user) as readonly JsonObject[]).slice(2)).toEqual([
      { role: "tool", tool_call_id: "y", content: "2" },
      { role: "tool", tool_call_id: "x", content: "1" },
      { role: "user", content: "and?" },
    ]);
    expect(refusalOf({ contents: [HI, model, HI, { role: "user", parts: [result("g", "1")] }] })).toEqual([
      "invalid_request",
      "contents[3].parts[0].functionResponse",
    ]);
  });

  test("gives vendors back what they wanted back, and Gemini its signatures", () => {
    const seal = sealCarried({
      message: { thinking_blocks: [1] },
      calls: { 0: { extra: [2] }, 1: { extra: [3], id: "forged" } },
      reasoning: "Hm.",
    });
    const sealed = { role: "model", parts: [{ ...call("f", "x"), thoughtSignature: seal }, call("g", "y")] };
    expect((messagesOf(HI, sealed) as readonly JsonObject[])[1]).toMatchObject({
      thinking_blocks: [1],
      reasoning_content: "Hm.",
      tool_calls: [
        { id: "x", extra: [2] },
        { id: "y", extra: [3] },
      ],
    });
    const own = {
      role: "model",
      parts: [
        { text: "a", thoughtSignature: "s1" },
        { ...call("f"), thoughtSignature: "s2" },
      ],
    };
    expect((messagesOf(HI, own) as readonly JsonObject[])[1]).toMatchObject({
      extra_content: { google: { thought_signature: "s1" } },
      tool_calls: [{ extra_content: { google: { thought_signature: "s2" } } }],
    });
  });

  test("goes to Gemini without the signatures that were made here, and else as it came", () => {
    const sealed = { ...call("f"), thoughtSignature: sealCarried({ reasoning: "Hm." }) };
    const own = { ...call("g"), thoughtSignature: "s" };
    const contents = [HI, { role: "model", parts: [sealed, own] }];
    expect(parse({ contents }).request.native?.body.contents).toEqual([
      HI,
      { role: "model", parts: [call("f"), own] },
    ]);
  });

  test("shows pictures, sound, texts and documents", () => {
    const inline = (mimeType: string, data = "aGk=") => ({ inlineData: { mimeType, data } });
    const file = { fileData: { mimeType: "image/png", fileUri: "https://example.org/a.png" } };
    const parts = [
      inline("image/png"),
      inline("audio/mpeg"),
      inline("text/plain"),
      inline("application/pdf"),
      file,
    ];
    expect(messagesOf({ parts })).toEqual([
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } },
          { type: "input_audio", input_audio: { data: "aGk=", format: "mp3" } },
          { type: "text", text: "hi" },
          { type: "file", file: { filename: "file.pdf", file_data: "data:application/pdf;base64,aGk=" } },
          { type: "image_url", image_url: { url: "https://example.org/a.png" } },
        ],
      },
    ]);
  });
});

describe("what a chat has no word for", () => {
  test("is told when another vendor serves", () => {
    const { dropped, request } = parse({
      safetySettings: [],
      labels: { a: "b" },
      generationConfig: { mediaResolution: "MEDIA_RESOLUTION_LOW" },
      toolConfig: { retrievalConfig: {} },
    });
    expect(dropped.toSorted()).toEqual([
      "generationConfig.mediaResolution",
      "labels",
      "safetySettings",
      "toolConfig.retrievalConfig",
    ]);
    expect(request.native?.only).toBeUndefined();
  });

  test.each<[JsonObject, string]>([
    [{ generationConfig: { responseMimeType: "text/x.enum" } }, "generationConfig.responseMimeType"],
    [{ tools: [{ computerUse: {} }] }, "tools[0].computerUse"],
    [
      { contents: [{ parts: [{ fileData: { mimeType: "video/mp4", fileUri: "https://example.org/v" } }] }] },
      "contents[0].parts[0].fileData.fileUri",
    ],
  ])("%j is for Gemini's models only", (body, param) => {
    expect(parse(body).request.native?.only?.param).toBe(param);
  });

  test("that Google fetches is held for as the most that it reads", () => {
    const held = (body: JsonObject) => parse(body).request.promptTokens;
    const file = (mimeType: string, fileUri = "https://example.org/v") => ({
      parts: [{ fileData: { mimeType, fileUri } }],
    });
    const most = held({}) + 1_048_576;
    expect(held({ contents: [file("video/mp4")] })).toBe(most);
    expect(held({ contents: [file("image/png")] })).toBeLessThan(50_000);
    // A film is one whatever its kind is said to be; and wherever it stands.
    expect(held({ contents: [file("image/png", "https://youtu.be/x")] })).toBeGreaterThanOrEqual(most);
    expect(held({ systemInstruction: file("video/mp4") })).toBe(most);
    const contents = [
      { role: "model", parts: [{ functionCall: { name: "f" } }] },
      { parts: [{ functionResponse: { name: "f", ...file("image/png") } }] },
    ];
    expect(held({ contents })).toBe(most);
  });

  test("that a tool shows as a PDF is held for by its pages", () => {
    const data = Buffer.from(`%PDF-1.7\n${"<< /Type /Page >>\n".repeat(50)}`).toString("base64");
    const parts = [{ inlineData: { mimeType: "application/pdf", data } }];
    const contents = [
      { role: "model", parts: [{ functionCall: { name: "f" } }] },
      { parts: [{ functionResponse: { name: "f", parts } }] },
    ];
    expect(parse({ contents }).request.promptTokens).toBeGreaterThanOrEqual(50 * 4_600);
  });

  test.each<[JsonObject, string]>([
    [{ tools: [{ googleSearch: {} }] }, "tools[0].googleSearch"],
    [{ tools: [{ code_execution: {} }] }, "tools[0].codeExecution"],
    [{ cachedContent: "cachedContents/x" }, "cachedContent"],
    [{ generationConfig: { responseModalities: ["TEXT", "IMAGE"] } }, "generationConfig.responseModalities"],
    [
      { contents: [{ role: "model", parts: [{ executableCode: { code: "1" } }] }] },
      "contents[0].parts[0].executableCode",
    ],
    ...[OWN_FILE, OWN_FILE.replace(".com/", ".com./"), "gs://b/c", "files/a"].map(
      (fileUri): [JsonObject, string] => [
        { contents: [{ parts: [{ fileData: { fileUri } }] }] },
        "contents[0].parts[0].fileData.fileUri",
      ],
    ),
    [
      { systemInstruction: { parts: [{ fileData: { fileUri: OWN_FILE } }] } },
      "systemInstruction.parts[0].fileData.fileUri",
    ],
    [
      {
        contents: [
          { role: "model", parts: [{ functionCall: { name: "f" } }] },
          { parts: [{ function_response: { name: "f", parts: { file_data: { file_uri: OWN_FILE } } } }] },
        ],
      },
      "contents[1].parts[0].functionResponse.parts[0].fileData.fileUri",
    ],
  ])("%j is refused: it costs what nobody knows, or is another's", (body, param) => {
    expect(refusalOf(body)).toEqual(["unsupported_parameter", param]);
  });
});

test.each<[JsonObject, string]>([
  [{ contents: [] }, "contents"],
  [JSON.parse('{"generationConfig":{"__proto__":{"maxOutputTokens":1}}}') as JsonObject, "__proto__"],
  [{ contents: [1] }, "contents[0]"],
  [{ contents: [{ role: "system", parts: [] }] }, "contents[0].role"],
  [{ contents: [{ parts: [{ text: 1 }] }] }, "contents[0].parts[0].text"],
  [{ contents: [{ parts: [{ functionCall: { name: "f" } }] }] }, "contents[0].parts[0]"],
  // What stands beside the kind that was looked at would go to Google unseen.
  ...[{ text: "a" }, { text: "a", thought: true }, { functionCall: { name: "f" } }].map(
    (part): [JsonObject, string] => [
      { contents: [{ role: "model", parts: [{ ...part, file_data: { file_uri: OWN_FILE } }] }] },
      "contents[0].parts[0].fileData",
    ],
  ),
  [
    { system_instruction: { parts: { text: "a", fileData: { fileUri: OWN_FILE } } } },
    "systemInstruction.parts[0].fileData",
  ],
  [
    { contents: [{ parts: [{ inlineData: { mimeType: "image/png" } }] }] },
    "contents[0].parts[0].inlineData.data",
  ],
  [{ tools: [{ functionDeclarations: [{}] }] }, "tools[0].functionDeclarations[0].name"],
  [{ generationConfig: { temperature: "hot" } }, "generationConfig.temperature"],
  [JSON.parse('{"generationConfig":{"topP":1e400}}') as JsonObject, "generationConfig.topP"],
  [{ generationConfig: { maxOutputTokens: 0 } }, "generationConfig.maxOutputTokens"],
  [{ generationConfig: { candidateCount: 0 } }, "generationConfig.candidateCount"],
  [
    { generationConfig: { thinkingConfig: { thinkingBudget: -2 } } },
    "generationConfig.thinkingConfig.thinkingBudget",
  ],
])("%j is refused, naming the field", (body, param) => {
  expect(refusalOf(body)).toEqual(["invalid_request", param]);
});
