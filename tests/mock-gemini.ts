/** A vendor that speaks Gemini's generateContent wire, for tests: each call is answered by the next of its answers. */
export interface MockGemini {
  readonly url: string;
  /** The bodies that were asked, in order. */
  readonly asked: Record<string, unknown>[];
  /** What was called for each of them: `gemini-2.5-pro:generateContent`. */
  readonly called: string[];
  /** What was answered, byte for byte. */
  readonly said: string[];
  next(...answers: readonly GeminiAnswer[]): void;
  stop(): void;
}

export interface GeminiAnswer {
  readonly parts?: readonly object[];
  readonly finishReason?: string;
  readonly usage?: Record<string, unknown>;
  /** The prompt is refused, in a 200 without candidates. */
  readonly blockReason?: string;
  readonly vectors?: readonly (readonly number[])[];
  /** Refuses instead, with Google's error of this status. */
  readonly error?: {
    readonly code: number;
    readonly status: string;
    readonly message: string;
    readonly details?: readonly object[];
  };
  /** The stream is closed after so many frames. */
  readonly cutAfter?: number;
}

const PATH = /^\/v1beta\/models\/([^/:]+):(\w+)$/;

export function startMockGemini(key: string): MockGemini {
  const asked: Record<string, unknown>[] = [];
  const called: string[] = [];
  const said: string[] = [];
  const queue: GeminiAnswer[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const url = new URL(request.url);
      const [, model, method] = PATH.exec(url.pathname) ?? [];
      if (request.headers.get("x-goog-api-key") !== key) return refusal(wrongKey(key));
      if (model === undefined || method === undefined) {
        return refusal({ code: 404, status: "NOT_FOUND", message: "models/nobody is not found" });
      }
      const body = (await request.json()) as Record<string, unknown>; // what our own adapter wrote
      asked.push(body);
      called.push(`${model}:${method}`);
      const answer = queue.shift() ?? {};
      if (answer.error !== undefined) return refusal(answer.error);
      if (method === "countTokens")
        return Response.json({ totalTokens: answer.usage?.promptTokenCount ?? 10 });
      const isStream = method === "streamGenerateContent";
      said.push(bodyOf(answer, method, url));
      const type =
        isStream && url.searchParams.get("alt") === "sse" ? "text/event-stream" : "application/json";
      return new Response(said.at(-1), { headers: { "content-type": type } });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    called,
    said,
    next: (...answers) => void queue.push(...answers),
    stop: () => void server.stop(true),
  };
}

function bodyOf(answer: GeminiAnswer, method: string, url: URL): string {
  if (answer.vectors !== undefined) return JSON.stringify(vectorsOf(method, answer.vectors));
  if (method !== "streamGenerateContent") return JSON.stringify(responseOf(answer, answer.parts ?? [], true));
  // Without it, Google sends one JSON array.
  if (url.searchParams.get("alt") !== "sse") return JSON.stringify([responseOf(answer, [], true)]);
  return framesOf(answer)
    .slice(0, answer.cutAfter ?? Infinity)
    .join("");
}

const wrongKey = (key: string) => ({
  code: 400,
  status: "INVALID_ARGUMENT",
  message: `API key not valid. Please pass a valid API key (${key}).`,
  details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }],
});

const refusal = (error: NonNullable<GeminiAnswer["error"]>): Response =>
  Response.json({ error }, { status: error.code });

/** A text comes in words, everything else in a frame of its own; the last one brings the finish reason beside an empty text. */
function framesOf(answer: GeminiAnswer): readonly string[] {
  const pieces = (answer.parts ?? []).flatMap(piecesOf);
  const frames = pieces.map((part) => responseOf(answer, [part], false));
  return [...frames, responseOf(answer, [{ text: "" }], true)].map(
    (frame) => `data: ${JSON.stringify(frame)}\r\n\r\n`,
  );
}

function piecesOf(part: object): readonly object[] {
  if (!("text" in part) || typeof part.text !== "string") return [part];
  const { text, ...rest } = part;
  return part.text.split(/(?<= )/).map((word) => ({ ...rest, text: word }));
}

function responseOf(answer: GeminiAnswer, parts: readonly object[], isLast: boolean): object {
  const { finishReason = "STOP", usage = {}, blockReason } = answer;
  const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15, ...usage };
  const names = { usageMetadata, modelVersion: "gemini-mock", responseId: "resp-1" };
  if (blockReason !== undefined) return { promptFeedback: { blockReason }, ...names };
  const content = parts.length === 0 ? { role: "model" } : { role: "model", parts };
  return { candidates: [{ content, ...(isLast ? { finishReason } : {}), index: 0 }], ...names };
}

function vectorsOf(method: string, vectors: readonly (readonly number[])[]): object {
  const embeddings = vectors.map((values) => ({ values }));
  return method === "embedContent" ? { embedding: embeddings[0] } : { embeddings };
}
