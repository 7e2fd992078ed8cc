import type { Socket } from "bun";
import { tokensOf } from "../load/plan.ts";
import { PROMPT_TOKENS } from "../mock-vendor.ts";

/**
 * A vendor that says the next piece of a stream when it is told to, in one write on a bare socket. Whoever tells it so when
 * the client has read the piece before makes every piece one read of the gateway, on any machine and under any load: what
 * a request allocates hangs on how many reads its answer comes in. Speaks OpenAI's wire; `bench-64-step-8` is 64 tokens, 8 in a piece.
 */
export interface StepVendor {
  readonly url: string;
  /** Says the next piece of what was asked with this name as its only prompt, the end after the last token. */
  next(name: string): void;
  stop(): void;
}

/** In every token once, and nowhere else in a stream. */
export const MARK = "~";

/** The tokens of a piece. */
export const stepOf = (model: string): number => Number(/-step-(\d+)$/.exec(model)?.[1] ?? 1);

interface Question {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly { readonly content: string }[];
}

interface Running {
  readonly socket: Socket<Connection>;
  readonly pieces: readonly string[];
  at: number;
}

interface Connection {
  request: string;
}

const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

export function startStepVendor(): StepVendor {
  const running = new Map<string, Running>();
  const pieces = new Map<string, readonly string[]>();
  const next = (name: string): void => {
    const run = running.get(name);
    const piece = run?.pieces[run.at];
    if (run === undefined || piece === undefined) throw new Error(`nothing is left to say of ${name}`);
    run.at += 1;
    if (run.at === run.pieces.length) running.delete(name);
    write(run.socket, piece);
  };
  const answer = (socket: Socket<Connection>, { model, stream, messages }: Question): void => {
    if (stream !== true) {
      write(socket, wholeAnswer(model));
      return;
    }
    const name = messages[0]?.content ?? "";
    const known = pieces.get(model) ?? piecesOf(model);
    pieces.set(model, known);
    running.set(name, { socket, pieces: known, at: 0 });
    next(name);
  };
  const server = Bun.listen<Connection>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { request: "" };
      },
      data(socket, bytes) {
        // What the benches ask has no character of more than one byte.
        socket.data.request += bytes.toString("latin1");
        const { request } = socket.data;
        const body = request.indexOf("\r\n\r\n") + 4;
        const length = Number(/content-length:\s*(\d+)/i.exec(request)?.[1] ?? 0);
        if (body < 4 || request.length < body + length) return;
        socket.data.request = "";
        answer(socket, JSON.parse(request.slice(body)));
      },
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, next, stop: () => server.stop(true) };
}

function write(socket: Socket<Connection>, text: string): void {
  if (socket.write(text) !== text.length) throw new Error("a piece was not taken whole");
}

const head = (model: string): object => ({ id: "chatcmpl-bench", created: 1_770_933_892, model });
const usageOf = (tokens: number): object => ({
  prompt_tokens: PROMPT_TOKENS,
  completion_tokens: tokens,
  total_tokens: PROMPT_TOKENS + tokens,
});

function wholeAnswer(model: string): string {
  const tokens = tokensOf(model);
  const message = { role: "assistant", content: ` word${MARK}`.repeat(tokens) };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  const body = JSON.stringify({
    ...head(model),
    object: "chat.completion",
    choices,
    usage: usageOf(tokens),
  });
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** What is written at a time, the head with the first. */
function piecesOf(model: string): readonly string[] {
  const tokens = tokensOf(model);
  const frame = (choices: readonly object[], usage: object | null): string =>
    `data: ${JSON.stringify({ ...head(model), object: "chat.completion.chunk", choices, usage })}\n\n`;
  const said = (delta: object, finish: string | null = null): string =>
    frame([{ index: 0, delta, finish_reason: finish }], null);
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
  const role = said({ role: "assistant", content: "" });
  const token = said({ content: ` word${MARK}` });
  const pieces: string[] = [];
  for (let at = 0; at < tokens; at += stepOf(model)) {
    const text = token.repeat(Math.min(stepOf(model), tokens - at));
    pieces.push(at === 0 ? `${STREAM_HEAD}${chunk(role + text)}` : chunk(text));
  }
  const end = `${said({}, "stop")}${frame([], usageOf(tokens))}data: [DONE]\n\n`;
  return [...pieces, `${chunk(end)}0\r\n\r\n`];
}
