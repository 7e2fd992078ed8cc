import type { ClientRecord } from "./books.ts";
import { outputTokens, PROMPT_TOKENS } from "./vendor.ts";
import { MODEL, MOST_OUTPUT, TOKEN_PRICE } from "./world.ts";

/** Who pays: a tenant and its key. */
export interface Payer {
  readonly tenant: string;
  readonly key: string;
}

/** A node that is paused answers late or never. */
const PATIENCE_MS = 20_000;

const costOf = (output: number): bigint => BigInt(PROMPT_TOKENS + output) * TOKEN_PRICE;

/** One chat completion; what the client saw of it, whatever happened. */
export async function ask(
  url: string,
  payer: Payer,
  number: number,
  isStream: boolean,
): Promise<ClientRecord> {
  const prompt = `${payer.tenant}/${number}`;
  const most = costOf(outputTokens(prompt));
  const seen = { payer: payer.tenant };
  let id: string | undefined;
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${payer.key}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: MODEL,
        messages: [{ role: "user", content: prompt }],
        max_tokens: MOST_OUTPUT,
        stream: isStream,
      }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    id = response.headers.get("x-request-id") ?? undefined;
    const text = await response.text();
    if (id === undefined) return { ...seen, seen: "lost", most };
    if (!response.ok) return { ...seen, seen: "refused", id, status: response.status };
    const output = isStream ? tokensOfStream(text) : tokensOfAnswer(text);
    if (output !== undefined) return { ...seen, seen: "served", id, cost: costOf(output) };
    return { ...seen, seen: "cut", id, most };
  } catch {
    return id === undefined ? { ...seen, seen: "lost", most } : { ...seen, seen: "cut", id, most };
  }
}

/** What a whole answer says it used; undefined for one that is not whole. */
function tokensOfAnswer(text: string): number | undefined {
  try {
    const { usage } = JSON.parse(text) as { usage?: { completion_tokens?: number } }; // an answer of the dialect, or nothing
    return usage?.completion_tokens;
  } catch {
    return undefined;
  }
}

/** Words are tokens here, and each comes in a frame of its own. */
function tokensOfStream(text: string): number | undefined {
  const isWhole = text.endsWith("data: [DONE]\n\n") && text.includes(': sluice {"outcome":"completed"');
  return isWhole ? text.split('"content":" word"').length - 1 : undefined;
}
