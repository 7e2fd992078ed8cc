/**
 * A vendor that keeps exact account of what it was asked and what it handed over. A process of its own, which no wall
 * ever disturbs. Speaks OpenAI's chat completions, and counts by the prompt, which names the payer and the request
 * (`payer/number`). How long an answer is, how long it takes, and whether it fails follow from that name alone.
 *
 * `bun bench/walls/money/vendor.ts [PORT]` prints its URL; `GET /account` answers a `VendorAccount`.
 */
export interface VendorAccount {
  /** By prompt. */
  readonly prompts: Readonly<Record<string, PromptAccount>>;
}

/** What one prompt came to. */
export interface PromptAccount {
  /** Calls whose prompt came here, whatever became of them. */
  readonly asked: number;
  /** Calls that were answered, wholly or in part; refused ones (500) are not among them. */
  readonly calls: number;
  /** Calls that were handed over to the end. */
  readonly whole: number;
  /** Output tokens handed over, in the call that got most, and in all together. */
  readonly most: number;
  readonly all: number;
}

/** What the vendor counts for every prompt. */
export const PROMPT_TOKENS = 10;
const LEAST_TOKENS = 10;
const MORE_TOKENS = 50;
/** The longest answer. */
export const MOST_OUTPUT = 64;
/** One call in so many is refused. */
const REFUSED_ONE_IN = 50;
const TOKENS_A_WRITE = 5;
const WRITE_MS = 4;
/** One stream in so many takes seconds: there is always one that a kill interrupts. */
const SLOW_ONE_IN = 10;
const SLOW_WRITE_MS = 300;

export function outputTokens(prompt: string): number {
  return LEAST_TOKENS + Number(Bun.hash.wyhash(prompt) % BigInt(MORE_TOKENS));
}
const isRefused = (prompt: string): boolean =>
  Bun.hash.wyhash(`refuse ${prompt}`) % BigInt(REFUSED_ONE_IN) === 0n;
const writeMs = (prompt: string): number =>
  Bun.hash.wyhash(`slow ${prompt}`) % BigInt(SLOW_ONE_IN) === 0n ? SLOW_WRITE_MS : WRITE_MS;
const thinkingMs = (prompt: string): number => 5 + Number(Bun.hash.wyhash(`wait ${prompt}`) % 30n);

interface Asked {
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly messages: readonly { readonly content: string }[];
}

export interface Vendor {
  readonly url: string;
  account(): VendorAccount;
  stop(): Promise<void>;
}

export function startVendor(port: number): Vendor {
  const counted = new Map<string, Call>();
  const account = (): VendorAccount => ({ prompts: Object.fromEntries(counted) });
  const server = Bun.serve({
    port,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/account") return Response.json(account());
      if (pathname !== "/v1/chat/completions") return new Response("not found", { status: 404 });
      const asked = (await request.json()) as Asked; // our own clients' words, by way of a gateway
      const prompt = asked.messages.at(-1)?.content ?? "";
      const call = counted.get(prompt) ?? { asked: 0, calls: 0, whole: 0, most: 0, all: 0 };
      counted.set(prompt, call);
      call.asked += 1;
      await Bun.sleep(thinkingMs(prompt));
      if (isRefused(prompt)) return Response.json({ error: { message: "try again" } }, { status: 500 });
      call.calls += 1;
      const tokens = Math.min(outputTokens(prompt), asked.max_tokens ?? asked.max_completion_tokens ?? 1_000);
      if (asked.stream === true) return streamOf(tokens, call, writeMs(prompt));
      handOver(call, tokens, tokens);
      call.whole += 1;
      return Response.json(answerOf(tokens));
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, account, stop: () => server.stop(true) };
}

type Call = { -readonly [Field in keyof PromptAccount]: number };

/** `sent` is what this call has handed over by now, `more` the last of it. */
function handOver(call: Call, more: number, sent: number): void {
  call.all += more;
  call.most = Math.max(call.most, sent);
}

const usageOf = (tokens: number) => ({
  prompt_tokens: PROMPT_TOKENS,
  completion_tokens: tokens,
  total_tokens: PROMPT_TOKENS + tokens,
});
const HEAD = { id: "chatcmpl-wall", created: 1_770_933_892, model: "wall" };

const answerOf = (tokens: number) => ({
  ...HEAD,
  object: "chat.completion",
  choices: [
    { index: 0, message: { role: "assistant", content: " word".repeat(tokens) }, finish_reason: "stop" },
  ],
  usage: usageOf(tokens),
});

function streamOf(tokens: number, call: Call, pauseMs: number): Response {
  const frame = (choices: readonly unknown[], usage: object | null): string =>
    `data: ${JSON.stringify({ ...HEAD, object: "chat.completion.chunk", choices, usage })}\n\n`;
  const piece = (content: string, finish: string | null): string =>
    frame([{ index: 0, delta: { content }, finish_reason: finish }], null);
  async function* frames() {
    for (let sent = 0; sent < tokens; sent += TOKENS_A_WRITE) {
      const count = Math.min(TOKENS_A_WRITE, tokens - sent);
      handOver(call, count, sent + count);
      yield Array.from({ length: count }, () => piece(" word", null)).join("");
      await Bun.sleep(pauseMs);
    }
    call.whole += 1;
    yield `${piece("", "stop")}${frame([], usageOf(tokens))}data: [DONE]\n\n`;
  }
  return new Response(frames(), { headers: { "content-type": "text/event-stream" } });
}

if (import.meta.main) console.log(`listening on ${startVendor(Number(process.argv[2] ?? 0)).url}`);
