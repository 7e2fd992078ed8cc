import type { ClientRecord } from "./books.ts";
import { MOST_OUTPUT } from "./vendor.ts";

/** Who pays: a tenant and its key. */
export interface Payer {
  readonly tenant: string;
  readonly key: string;
}

export interface Question {
  readonly payer: Payer;
  /** Unique among the payer's; the prompt names both. */
  readonly number: number | string;
  readonly model: string;
  readonly isStream: boolean;
  /** Sent along, and kept for every further try of the same question. */
  readonly idempotencyKey?: string;
  readonly patienceMs?: number;
}

/** A node that is paused answers late or never; unless told otherwise a client waits for so long. */
const PATIENCE_MS = 20_000;

/** One chat completion; what the client saw of it, whatever happened. */
export async function ask(url: string, question: Question): Promise<ClientRecord> {
  const { payer, number, model, isStream, idempotencyKey } = question;
  const prompt = `${payer.tenant}/${number}`;
  const seen = {
    payer: payer.tenant,
    prompt,
    ...(idempotencyKey === undefined ? {} : { once: idempotencyKey }),
  };
  let id: string | undefined;
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${payer.key}`,
        "content-type": "application/json",
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      },
      body: JSON.stringify({
        model,
        messages: [{ role: "user", content: prompt }],
        max_tokens: MOST_OUTPUT,
        stream: isStream,
        ...(isStream ? { stream_options: { include_usage: true } } : {}),
      }),
      signal: AbortSignal.timeout(question.patienceMs ?? PATIENCE_MS),
    });
    // A gateway that does not name its requests: the prompt does.
    id = response.headers.get("x-request-id") ?? `prompt:${prompt}`;
    const { status } = response;
    const text = await response.text();
    if (!response.ok) return { ...seen, seen: "refused", id, status, ...errorIn(text) };
    const output = isStream ? tokensOfStream(text) : tokensOfAnswer(text);
    return output === undefined ? { ...seen, seen: "cut", id } : { ...seen, seen: "served", id, output };
  } catch {
    return id === undefined ? { ...seen, seen: "lost" } : { ...seen, seen: "cut", id };
  }
}

/** The error's code, for tables, and what it says. */
function errorIn(text: string): { readonly code: string; readonly message: string } {
  const field = (name: string): string => new RegExp(`"${name}":s*"([^"]*)"`).exec(text)?.[1] ?? "?";
  return { code: field("code"), message: field("message") };
}

/** Counted by its words, each a token; undefined for an answer that is not whole, or says something else. */
export function tokensOfAnswer(text: string): number | undefined {
  try {
    const { choices, usage } = JSON.parse(text) as WholeAnswer; // an answer of the dialect, or the checks below fail
    const words = wordsIn(choices?.[0]?.message?.content ?? "");
    return usage?.completion_tokens === words ? words : undefined;
  } catch {
    return undefined;
  }
}

interface WholeAnswer {
  readonly choices?: readonly { readonly message?: { readonly content?: string } }[];
  readonly usage?: { readonly completion_tokens?: number };
}

/** Words come in a frame each; a stream is whole with its `[DONE]`, and no error before it. */
export function tokensOfStream(text: string): number | undefined {
  const isWhole = text.trimEnd().endsWith("data: [DONE]") && !text.includes('"error":');
  return isWhole ? text.split('"content":" word"').length - 1 : undefined;
}

const wordsIn = (content: string): number => content.split(" word").length - 1;
