/** A vendor that speaks Anthropic's Messages wire, for tests: each call is answered by the next of its answers. */
export interface MockAnthropic {
  readonly url: string;
  /** The bodies that were asked, in order. */
  readonly asked: Record<string, unknown>[];
  /** What was answered, byte for byte. */
  readonly said: string[];
  next(...answers: readonly Answer[]): void;
  stop(): void;
}

export interface Answer {
  readonly content?: readonly Block[];
  readonly stopReason?: string;
  readonly usage?: Readonly<Record<string, unknown>>;
  /** Refuses instead, with Anthropic's error of this status and type. */
  readonly error?: { readonly status: number; readonly type: string; readonly message: string };
  /** The stream is closed after so many events. */
  readonly cutAfter?: number;
}

export type Block =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: object };

export function startMockAnthropic(key: string): MockAnthropic {
  const asked: Record<string, unknown>[] = [];
  const said: string[] = [];
  const queue: Answer[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      if (request.headers.get("x-api-key") !== key || !request.headers.has("anthropic-version")) {
        return refusal({ status: 401, type: "authentication_error", message: `invalid x-api-key: ${key}` });
      }
      const body = (await request.json()) as Record<string, unknown>; // what our own adapter wrote
      asked.push(body);
      const answer = queue.shift() ?? {};
      if (answer.error !== undefined) return refusal(answer.error);
      if (new URL(request.url).pathname.endsWith("/count_tokens"))
        return Response.json({ input_tokens: answer.usage?.input_tokens ?? 10 });
      if (body.stream !== true) {
        said.push(JSON.stringify(messageOf(answer)));
        return new Response(said.at(-1), { headers: { "content-type": "application/json" } });
      }
      const events = eventsOf(answer);
      const frames = events.map(
        (event) => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`,
      );
      const sse = frames.slice(0, answer.cutAfter ?? frames.length).join("");
      said.push(sse);
      return new Response(sse, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    said,
    next: (...answers) => void queue.push(...answers),
    stop: () => void server.stop(true),
  };
}

const refusal = ({ status, type, message }: { status: number; type: string; message: string }): Response =>
  Response.json({ type: "error", error: { type, message }, request_id: "req_1" }, { status });

const messageOf = ({ content = [], stopReason = "end_turn", usage = {} }: Answer) => ({
  ...{ id: "msg_1", type: "message", role: "assistant", model: "claude-mock", content },
  ...{ stop_reason: stopReason, stop_sequence: null },
  usage: { input_tokens: 10, output_tokens: 5, ...usage },
});

function eventsOf(answer: Answer): readonly Record<string, unknown>[] {
  const { usage, content, stop_reason, ...head } = messageOf(answer);
  const start = { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  return [
    { type: "message_start", message: start },
    { type: "ping" },
    ...content.flatMap(blockEvents),
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage },
    { type: "message_stop" },
  ];
}

function blockEvents(block: Block, index: number): readonly Record<string, unknown>[] {
  const deltas = deltasOf(block).map((delta) => ({ type: "content_block_delta", index, delta }));
  const stop = { type: "content_block_stop", index };
  return [{ type: "content_block_start", index, content_block: emptied(block) }, ...deltas, stop];
}

function emptied(block: Block): object {
  if (block.type === "tool_use") return { ...block, input: {} };
  return block.type === "text" ? { ...block, text: "" } : { ...block, thinking: "", signature: "" };
}

function deltasOf(block: Block): readonly object[] {
  switch (block.type) {
    case "text":
      return block.text.split(/(?<= )/).map((text) => ({ type: "text_delta", text }));
    case "thinking":
      return [
        { type: "thinking_delta", thinking: block.thinking },
        { type: "signature_delta", signature: block.signature },
      ];
    case "tool_use":
      return [{ type: "input_json_delta", partial_json: JSON.stringify(block.input) }];
  }
}
