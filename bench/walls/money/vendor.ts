/**
 * A vendor that keeps exact account of what it was asked and what it sent. Speaks OpenAI's chat completions; the
 * prompt names the payer and the request (`payer/number`), by which it is counted. How long an answer is, how long it
 * takes, and whether it fails follow from that name alone.
 *
 * `bun bench/walls/money/vendor.ts [PORT]`; `GET /account` answers `{calls: {payer: calls begun}}`.
 */
export interface VendorAccount {
  /** Calls that were answered or begun to be answered, by payer. Refused ones (500) are not among them. */
  readonly calls: Readonly<Record<string, number>>;
}

/** What the vendor counts for every prompt. */
export const PROMPT_TOKENS = 10;
const LEAST_TOKENS = 10;
const MORE_TOKENS = 50;
/** One call in so many is refused. */
const REFUSED_ONE_IN = 50;
const TOKENS_A_WRITE = 5;
const WRITE_MS = 4;

export function outputTokens(prompt: string): number {
  return LEAST_TOKENS + Number(Bun.hash.wyhash(prompt) % BigInt(MORE_TOKENS));
}
const isRefused = (prompt: string): boolean =>
  Bun.hash.wyhash(`refuse ${prompt}`) % BigInt(REFUSED_ONE_IN) === 0n;
const thinkingMs = (prompt: string): number => 5 + Number(Bun.hash.wyhash(`wait ${prompt}`) % 30n);

interface Asked {
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly messages: readonly { readonly content: string }[];
}

export function startVendor(port: number): { readonly url: string; stop(): Promise<void> } {
  const calls: Record<string, number> = {};
  const server = Bun.serve({
    port,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    async fetch(request) {
      if (new URL(request.url).pathname === "/account") return Response.json({ calls });
      const asked = (await request.json()) as Asked; // our own clients' words, by way of a gateway
      const prompt = asked.messages[0]?.content ?? "";
      await Bun.sleep(thinkingMs(prompt));
      if (isRefused(prompt)) return Response.json({ error: { message: "try again" } }, { status: 500 });
      const payer = prompt.split("/")[0] ?? "";
      calls[payer] = (calls[payer] ?? 0) + 1;
      const tokens = Math.min(outputTokens(prompt), asked.max_tokens ?? asked.max_completion_tokens ?? 1_000);
      return asked.stream === true ? streamOf(tokens) : Response.json(answerOf(tokens));
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
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

function streamOf(tokens: number): Response {
  const frame = (choices: readonly unknown[], usage: object | null): string =>
    `data: ${JSON.stringify({ ...HEAD, object: "chat.completion.chunk", choices, usage })}\n\n`;
  const piece = (content: string, finish: string | null): string =>
    frame([{ index: 0, delta: { content }, finish_reason: finish }], null);
  async function* frames() {
    for (let sent = 0; sent < tokens; sent += TOKENS_A_WRITE) {
      const count = Math.min(TOKENS_A_WRITE, tokens - sent);
      yield Array.from({ length: count }, () => piece(" word", null)).join("");
      await Bun.sleep(WRITE_MS);
    }
    yield `${piece("", "stop")}${frame([], usageOf(tokens))}data: [DONE]\n\n`;
  }
  return new Response(frames(), { headers: { "content-type": "text/event-stream" } });
}

if (import.meta.main) console.log(startVendor(Number(process.argv[2] ?? 0)).url);
