import { type Client, type Gateway, startGateway } from "./gateway.ts";
import { type Answer, type MockAnthropic, startMockAnthropic } from "./mock-anthropic.ts";
import { type GeminiAnswer, type MockGemini, startMockGemini } from "./mock-gemini.ts";
import type { Script, Shape, ToolCall } from "./mock-vendor/script.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

export const SHAPES: readonly Shape[] = ["openai", "deepseek", "qwen", "doubao"];
export const VENDORS = [...SHAPES, "anthropic", "gemini"] as const;
export type Vendor = (typeof VENDORS)[number];

/** A model of each vendor, which clients call `<vendor>-model`. */
export const MODELS: Readonly<Record<Vendor, string>> = {
  openai: "gpt-4.1",
  deepseek: "deepseek-chat",
  qwen: "qwen-plus",
  doubao: "doubao-x",
  anthropic: "claude-opus-4-8",
  gemini: "gemini-3-pro-preview",
};

/** Of the vendors that have embeddings, which clients call `<vendor>-vectors`. */
export const EMBEDDING_MODELS = {
  openai: "text-embedding-3-small",
  qwen: "text-embedding-v4",
  gemini: "gemini-embedding-001",
} as const;

/** Points a million tokens: micropoints a token. */
const PRICE = { input: 2, cachedInput: 1, cacheWrite: 3, output: 8 };

/** One answer, whichever vendor gives it, and what the vendor counts. */
export interface Said {
  readonly text?: string;
  readonly toolCalls?: readonly ToolCall[];
  readonly prompt: number;
  /** Part of `prompt`. */
  readonly cached?: number;
  readonly completion: number;
  /** Absent: by itself. `cut`: a stream, in its middle. */
  readonly end?: "length" | "cut";
}

/** What it costs, in micropoints. */
export const costOf = ({ prompt, cached = 0, completion }: Said): bigint =>
  BigInt(prompt - cached) * BigInt(PRICE.input) +
  BigInt(cached) * BigInt(PRICE.cachedInput) +
  BigInt(completion) * BigInt(PRICE.output);

/** A gateway in front of a mock of every vendor of text. */
export interface TextVendors {
  readonly gateway: Gateway;
  readonly client: Client;
  readonly claude: MockAnthropic;
  readonly gemini: MockGemini;
  mock(shape: Shape): MockVendor;
  /** What the vendor says next. */
  says(vendor: Vendor, said: Said): void;
  /** The body of the vendor's last call. */
  asked(vendor: Vendor): Record<string, unknown>;
  dispose(): Promise<void>;
}

const CLAUDE_KEY = "sk-ant-key-of-the-vendor";
const GEMINI_KEY = "AIza-key-of-the-vendor";
/** What arrives together with a connection's reset is lost with it: the first words shall be there by then. */
export const PACED = { token: 30 };

export async function startTextVendors(): Promise<TextVendors> {
  const mocks = new Map(SHAPES.map((shape) => [shape, startMockVendor({ shape })]));
  const claude = startMockAnthropic(CLAUDE_KEY);
  const gemini = startMockGemini(GEMINI_KEY);
  const mock = (shape: Shape): MockVendor => {
    const vendor = mocks.get(shape);
    if (vendor === undefined) throw new Error(shape);
    return vendor;
  };
  const timeouts = { firstToken: "5s", idle: "1s", total: "20s" };
  const gateway = await startGateway({
    routing: { takeover: "never" },
    vendors: {
      anthropic: { adapter: "anthropic", baseUrl: claude.url, keys: [CLAUDE_KEY] },
      gemini: { adapter: "gemini", baseUrl: gemini.url, keys: [GEMINI_KEY] },
      ...Object.fromEntries(
        SHAPES.map((shape) => [
          shape,
          { adapter: shape, baseUrl: mock(shape).url, keys: ["sk-mock-0123456789"], timeouts },
        ]),
      ),
    },
    models: {
      ...Object.fromEntries(
        VENDORS.map((vendor) => [
          `${vendor}-model`,
          [{ vendor, model: MODELS[vendor], price: PRICE, maxOutput: 500 }],
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(EMBEDDING_MODELS).map(([vendor, model]) => [
          `${vendor}-vectors`,
          [{ vendor, model, operations: ["embedding"], price: PRICE }],
        ]),
      ),
    },
  });
  const bodyOf = (vendor: Vendor) => {
    if (vendor === "anthropic") return claude.asked.at(-1);
    return vendor === "gemini" ? gemini.asked.at(-1) : mock(vendor).account.calls.at(-1)?.request.body;
  };
  return {
    gateway,
    client: await gateway.client("1000"),
    claude,
    gemini,
    mock,
    says(vendor, said) {
      if (vendor === "anthropic") claude.next(claudeAnswer(said));
      else if (vendor === "gemini") gemini.next(geminiAnswer(said));
      else mock(vendor).next(scriptOf(said));
    },
    asked(vendor) {
      const body = bodyOf(vendor);
      if (body === undefined) throw new Error(`${vendor} was not asked`);
      return body;
    },
    async dispose() {
      await gateway.dispose();
      claude.stop();
      gemini.stop();
      for (const vendor of mocks.values()) vendor.stop();
    },
  };
}

function scriptOf({ text, toolCalls, prompt, cached = 0, end }: Said): Script {
  return {
    promptTokens: prompt,
    cachedTokens: cached,
    ...(text === undefined ? {} : { text }),
    ...(toolCalls === undefined ? {} : { toolCalls }),
    ...(end === "length" ? { finishReason: "length" } : {}),
    ...(end === "cut" ? { cut: { afterTokens: 2 }, pace: PACED } : {}),
  };
}

function claudeAnswer({ text, toolCalls = [], prompt, cached = 0, completion, end }: Said): Answer {
  const usage = {
    input_tokens: prompt - cached,
    cache_read_input_tokens: cached,
    output_tokens: completion,
  };
  // The frames of the beginning, and two words.
  const cut = end === "cut" ? { cutAfter: 5 } : {};
  const stopReason = end === "length" ? "max_tokens" : "end_turn";
  if (text !== undefined) return { content: [{ type: "text", text }], stopReason, usage, ...cut };
  const content = toolCalls.map(({ name, arguments: input }, index) => ({
    type: "tool_use" as const,
    id: `toolu_${index}`,
    name,
    input: JSON.parse(input) as object, // what the test wrote
  }));
  return { content, stopReason: "tool_use", usage };
}

function geminiAnswer({ text, toolCalls = [], prompt, cached = 0, completion, end }: Said): GeminiAnswer {
  const usage = {
    promptTokenCount: prompt,
    candidatesTokenCount: completion,
    ...(cached === 0 ? {} : { cachedContentTokenCount: cached }),
  };
  const words = (text ?? "").split(/(?<= )/).map((word) => ({ text: word }));
  const calls = toolCalls.map(({ name, arguments: args }, index) => ({
    functionCall: { id: `fc-${index}`, name, args: JSON.parse(args) as object }, // what the test wrote
  }));
  return {
    parts: text === undefined ? calls : words,
    usage,
    ...(end === "length" ? { finishReason: "MAX_TOKENS" } : {}),
    ...(end === "cut" ? { cutAfter: 2 } : {}),
  };
}
