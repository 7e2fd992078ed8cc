import { type Client, type Gateway, startGateway } from "./gateway.ts";
import { type MockAnthropic, startMockAnthropic } from "./mock-anthropic.ts";
import type { Shape, ToolCall } from "./mock-vendor/script.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

export const SHAPES: readonly Shape[] = ["openai", "deepseek", "qwen", "doubao"];
export const VENDORS = [...SHAPES, "anthropic"] as const;
export type Vendor = (typeof VENDORS)[number];

/** A model of each vendor, which clients call `<vendor>-model`. */
export const MODELS: Readonly<Record<Vendor, string>> = {
  openai: "gpt-4.1",
  deepseek: "deepseek-chat",
  qwen: "qwen-plus",
  doubao: "doubao-x",
  anthropic: "claude-opus-4-8",
};

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
  mock(shape: Shape): MockVendor;
  /** What the vendor says next. */
  says(vendor: Vendor, said: Said): void;
  /** The body of the vendor's last call. */
  asked(vendor: Vendor): Record<string, unknown>;
  dispose(): Promise<void>;
}

const CLAUDE_KEY = "sk-ant-key-of-the-vendor";

export async function startTextVendors(): Promise<TextVendors> {
  const mocks = new Map(SHAPES.map((shape) => [shape, startMockVendor({ shape })]));
  const claude = startMockAnthropic(CLAUDE_KEY);
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
      ...Object.fromEntries(
        SHAPES.map((shape) => [
          shape,
          { adapter: shape, baseUrl: mock(shape).url, keys: ["sk-mock-0123456789"], timeouts },
        ]),
      ),
    },
    models: Object.fromEntries(
      VENDORS.map((vendor) => [
        `${vendor}-model`,
        [{ vendor, model: MODELS[vendor], price: PRICE, maxOutput: 500 }],
      ]),
    ),
  });
  return {
    gateway,
    client: await gateway.client("1000"),
    claude,
    mock,
    says(vendor, { text, toolCalls, prompt, cached = 0, completion }) {
      if (vendor === "anthropic") {
        const usage = {
          input_tokens: prompt - cached,
          cache_read_input_tokens: cached,
          output_tokens: completion,
        };
        claude.next({ ...claudeAnswer(text, toolCalls), usage });
        return;
      }
      const counts = { promptTokens: prompt, cachedTokens: cached };
      mock(vendor).next({
        ...counts,
        ...(text === undefined ? {} : { text }),
        ...(toolCalls === undefined ? {} : { toolCalls }),
      });
    },
    asked(vendor) {
      const body =
        vendor === "anthropic" ? claude.asked.at(-1) : mock(vendor).account.calls.at(-1)?.request.body;
      if (body === undefined) throw new Error(`${vendor} was not asked`);
      return body;
    },
    async dispose() {
      await gateway.dispose();
      claude.stop();
      for (const vendor of mocks.values()) vendor.stop();
    },
  };
}

function claudeAnswer(text: string | undefined, toolCalls: readonly ToolCall[] = []) {
  if (text !== undefined) return { content: [{ type: "text", text }], stopReason: "end_turn" } as const;
  const content = toolCalls.map(({ name, arguments: input }, index) => ({
    type: "tool_use" as const,
    id: `toolu_${index}`,
    name,
    input: JSON.parse(input) as object, // what the test wrote
  }));
  return { content, stopReason: "tool_use" };
}
