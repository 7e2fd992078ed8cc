import type { Server, ServerWebSocket } from "bun";

interface Data {
  readonly key: string;
  readonly model: string;
}

/** OpenAI's Realtime API as it was recorded in September 2026: 101 for everybody, and what is wrong behind it. */
export interface RealtimeVendor {
  readonly url: string;
  readonly keys: string[];
  /** Frames that came, of all conversations. */
  readonly heard: string[];
  /** What each `response.done` told. */
  readonly told: RealtimeUsage[];
  /** Close codes of clients, as they came. */
  readonly closed: number[];
  readonly open: Set<ServerWebSocket<Data>>;
  /** Waits until so many conversations have been closed by their client. */
  untilClosed(count: number): Promise<void>;
  stop(): Promise<void>;
}

export interface RealtimeUsage {
  readonly total_tokens: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly input_token_details: object;
  readonly output_token_details: object;
}

export const GOOD_KEY = "sk-realtime-good-key-0001";

/** `response.create` with `metadata.do`: `answer` (the default), `hang` (begins and falls silent), `cut`, `close 4321`, `flood`. */
export function startRealtimeVendor(): RealtimeVendor {
  const keys: string[] = [];
  const heard: string[] = [];
  const told: RealtimeUsage[] = [];
  const closed: number[] = [];
  const open = new Set<ServerWebSocket<Data>>();
  const waiting: { readonly count: number; readonly done: () => void }[] = [];

  const tell = (ws: ServerWebSocket<Data>, event: object) =>
    ws.send(JSON.stringify({ event_id: "event_v", ...event }));
  const respond = (ws: ServerWebSocket<Data>, action: string): void => {
    tell(ws, { type: "response.created", response: { id: "resp_1", status: "in_progress" } });
    tell(ws, { type: "response.output_audio.delta", delta: "A".repeat(6_400) });
    tell(ws, { type: "response.output_text.delta", delta: "Hello there, river" });
    if (action === "hang") return;
    if (action === "cut") {
      ws.terminate();
      return;
    }
    if (action.startsWith("close ")) {
      ws.close(Number(action.slice(6)), "as told");
      return;
    }
    if (action === "flood") {
      for (let at = 0; at < 400; at += 1)
        tell(ws, { type: "response.output_audio.delta", delta: "A".repeat(32_000), at });
    }
    const usage = {
      total_tokens: 1_270,
      input_tokens: 1_200,
      output_tokens: 70,
      input_token_details: {
        text_tokens: 200,
        audio_tokens: 1_000,
        image_tokens: 0,
        cached_tokens: 640,
        cached_tokens_details: { text_tokens: 140, audio_tokens: 500, image_tokens: 0 },
      },
      output_token_details: { text_tokens: 10, audio_tokens: 60 },
    };
    told.push(usage);
    tell(ws, { type: "response.done", response: { id: "resp_1", status: "completed", usage } });
  };

  const server: Server<Data> = Bun.serve<Data>({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, self) {
      const key = request.headers.get("authorization")?.replace("Bearer ", "") ?? "";
      const model = new URL(request.url).searchParams.get("model") ?? "";
      return self.upgrade(request, { data: { key, model } })
        ? undefined
        : new Response("no", { status: 400 });
    },
    websocket: {
      // All of a flood: past it Bun would lose frames.
      backpressureLimit: 64 * 1024 * 1024,
      open(ws) {
        open.add(ws);
        keys.push(ws.data.key);
        if (ws.data.key === GOOD_KEY) {
          tell(ws, { type: "session.created", session: { type: "realtime", model: ws.data.model } });
          return;
        }
        const message = `Incorrect API key provided: ${ws.data.key}.`;
        tell(ws, {
          type: "error",
          error: { type: "invalid_request_error", code: "invalid_api_key", message },
        });
        ws.close(3000, "invalid_request_error.invalid_api_key");
      },
      message(ws, message) {
        const text = String(message);
        heard.push(text);
        const event = JSON.parse(text) as { type: string; response?: { metadata?: { do?: string } } };
        if (event.type === "response.create") respond(ws, event.response?.metadata?.do ?? "answer");
        else if (event.type === "session.update") tell(ws, { type: "session.updated", session: {} });
        else if (event.type === "bad") {
          const error = {
            type: "invalid_request_error",
            code: "invalid_value",
            message: `no, ${ws.data.key}`,
          };
          tell(ws, { type: "error", error });
        }
      },
      close(ws, code) {
        open.delete(ws);
        closed.push(code);
        for (const { count, done } of waiting) if (closed.length >= count) done();
      },
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    keys,
    heard,
    told,
    closed,
    open,
    untilClosed: (count) =>
      closed.length >= count ? Promise.resolve() : new Promise((done) => waiting.push({ count, done })),
    stop: () => server.stop(true),
  };
}
