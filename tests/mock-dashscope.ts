/** A vendor that speaks DashScope's own protocol, for tests: each call is answered by the next of its answers. */
export interface MockDashScope {
  /** Below it are the services: `/api/v1`. */
  readonly url: string;
  /** The bodies that were asked, in order, and the services that were. */
  readonly asked: Record<string, unknown>[];
  readonly called: string[];
  next(...answers: readonly DashScopeAnswer[]): void;
  stop(): void;
}

export interface DashScopeAnswer {
  /** Pieces of the answer: what is in `message` of each event; a whole answer has them put together. */
  readonly pieces?: readonly Readonly<Record<string, unknown>>[];
  readonly finish?: string;
  readonly usage?: Readonly<Record<string, unknown>>;
  readonly vectors?: readonly (readonly number[])[];
  /** Refuses instead; in a stream, after its pieces. */
  readonly error?: { readonly status: number; readonly code: string; readonly message: string };
  /** The stream is closed after so many events. */
  readonly cutAfter?: number;
}

const REQUEST_ID = "7574ee8f-38a3-4b1e-9280-11c33ab46e51";
const SERVICES = "/api/v1/services/";

export function startMockDashScope(key: string): MockDashScope {
  const asked: Record<string, unknown>[] = [];
  const called: string[] = [];
  const queue: DashScopeAnswer[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (request.headers.get("authorization") !== `Bearer ${key}`) {
        return refusal({ status: 401, code: "InvalidApiKey", message: `Invalid API-key ${key} provided.` });
      }
      asked.push((await request.json()) as Record<string, unknown>); // what our own adapter wrote
      called.push(pathname.replace(SERVICES, ""));
      const answer = queue.shift() ?? {};
      if (answer.vectors !== undefined) return Response.json(vectorsOf(answer));
      if (request.headers.get("x-dashscope-sse") !== "enable") {
        return answer.error === undefined ? Response.json(wholeOf(answer)) : refusal(answer.error);
      }
      if (answer.error !== undefined && answer.pieces === undefined) return refusal(answer.error);
      const frames = framesOf(answer).slice(0, answer.cutAfter ?? Infinity);
      return new Response(frames.join(""), {
        headers: { "content-type": "text/event-stream;charset=UTF-8" },
      });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/api/v1`,
    asked,
    called,
    next: (...answers) => void queue.push(...answers),
    stop: () => void server.stop(true),
  };
}

const refusal = ({ status, code, message }: NonNullable<DashScopeAnswer["error"]>): Response =>
  Response.json({ code, message, request_id: REQUEST_ID }, { status });

function framesOf({ pieces = [], finish = "stop", usage, error }: DashScopeAnswer): readonly string[] {
  const frames = pieces.map((piece) => frame(200, "result", resultOf(piece, "null", usage)));
  const last =
    error === undefined
      ? frame(200, "result", resultOf({ content: "" }, finish, usage))
      : frame(error.status, "error", { code: error.code, message: error.message, request_id: REQUEST_ID });
  return [...frames, last].map((text, at) => `id:${at + 1}\n${text}`);
}

const frame = (status: number, event: string, data: object): string =>
  `event:${event}\n:HTTP_STATUS/${status}\ndata:${JSON.stringify(data)}\n\n`;

function wholeOf({ pieces = [], finish = "stop", usage }: DashScopeAnswer): object {
  const message: Record<string, unknown> = { content: "" };
  for (const piece of pieces) {
    for (const [name, value] of Object.entries(piece)) {
      const before = message[name];
      message[name] = typeof before === "string" && typeof value === "string" ? before + value : value;
    }
  }
  return resultOf(message, finish, usage);
}

const resultOf = (message: object, finish: string, usage: object = {}): object => ({
  output: { choices: [{ message: { role: "assistant", content: "", ...message }, finish_reason: finish }] },
  usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15, ...usage },
  request_id: REQUEST_ID,
});

const vectorsOf = ({ vectors = [], usage }: DashScopeAnswer): object => ({
  output: { embeddings: vectors.map((embedding, text_index) => ({ embedding, text_index })) },
  usage: { total_tokens: 7, ...usage },
  request_id: REQUEST_ID,
});
