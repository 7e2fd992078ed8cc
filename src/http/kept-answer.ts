/** An answer as it is kept for whoever asks the same again. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** What is about this connection or this moment, not about the answer. */
const NOT_KEPT = /^(?:date|connection|content-length|transfer-encoding|x-ratelimit-.*|x-sluice-stream)$/;

const REPLAY_HEADER = "x-sluice-idempotent-replay";

export const headersToKeep = (headers: Headers): KeptAnswer["headers"] =>
  [...headers].filter(([name]) => !NOT_KEPT.test(name));

/** An answer as text, to be sealed; `replay` reads it. */
export function packAnswer({ status, headers, body }: KeptAnswer): string {
  return JSON.stringify({ status, headers, body: Buffer.from(body).toString("base64") });
}

/** The answer again, byte for byte. */
export function replay(packed: string): Response {
  const { status, headers, body } = JSON.parse(packed) as KeptAnswer & { readonly body: string }; // sealed: only we wrote it
  const response = new Response(Buffer.from(body, "base64"), {
    status,
    headers: [...headers].map(([name, value]) => [name, value]),
  });
  response.headers.set(REPLAY_HEADER, "true");
  return response;
}
