import type { Socket } from "bun";
import { chatBody, type LoadPlan, type LoadResult, tokensOf } from "./plan.ts";
import { createResponseReader, type ResponseReader } from "./response-reader.ts";
import { createTally } from "./tally.ts";

/** One answer in so many is read word by word. */
const CHECKED_ONE_IN = 50;
/** Answers that are under way at the end get so long. */
const GRACE_MS = 15_000;

interface Loop {
  readonly reader: ResponseReader;
  startedAt: number;
  firstAt: number;
  isBusy: boolean;
}

/** Runs `connections` closed loops of HTTP requests over plain sockets. */
export async function httpLoad(plan: LoadPlan): Promise<LoadResult> {
  const { hostname, port } = new URL(plan.url);
  const request = requestBytes(plan);
  const isStream = plan.kind === "stream";
  const tokens = tokensOf(plan.model);
  const tally = createTally();
  const startedAt = performance.now();
  const deadline = startedAt + plan.seconds * 1000;
  const over = Promise.withResolvers<void>();
  const open = new Set<Socket<Loop>>();
  let asked = 0;

  const ask = (socket: Socket<Loop>): void => {
    const loop = socket.data;
    if (performance.now() >= deadline) {
      loop.isBusy = false;
      socket.end();
      return;
    }
    asked += 1;
    loop.reader.next(asked % CHECKED_ONE_IN === 1);
    loop.isBusy = true;
    loop.firstAt = 0;
    loop.startedAt = performance.now();
    // A request of a few hundred bytes on a socket that is otherwise silent is taken whole.
    if (socket.write(request) !== request.length) tally.failed("request not taken whole");
  };

  const finish = (loop: Loop): void => {
    const problem = problemOf(loop.reader, isStream, tokens);
    if (problem !== undefined) tally.failed(problem);
    else tally.done(performance.now() - loop.startedAt, loop.firstAt - loop.startedAt);
  };

  const connect = (): void => {
    Bun.connect<Loop>({
      hostname,
      port: Number(port),
      socket: {
        open(socket) {
          open.add(socket);
          socket.data = { reader: createResponseReader(), startedAt: 0, firstAt: 0, isBusy: false };
          ask(socket);
        },
        data(socket, bytes) {
          const loop = socket.data;
          const isWhole = loop.reader.push(bytes);
          if (loop.firstAt === 0 && loop.reader.hasBody) loop.firstAt = performance.now();
          if (!isWhole) return;
          finish(loop);
          ask(socket);
        },
        close(socket) {
          open.delete(socket);
          if (socket.data.isBusy) tally.failed("connection closed in an answer");
          if (performance.now() < deadline) connect();
          else if (open.size === 0) over.resolve();
        },
      },
    }).catch(() => {
      tally.failed("no connection");
      if (open.size === 0) over.resolve();
    });
  };

  for (let count = 0; count < plan.connections; count += 1) connect();
  const grace = setTimeout(
    () => {
      for (const socket of open) socket.terminate();
      over.resolve();
    },
    plan.seconds * 1000 + GRACE_MS,
  );
  await over.promise;
  clearTimeout(grace);
  return tally.result((performance.now() - startedAt) / 1000);
}

/** What is wrong with a whole answer. */
function problemOf(reader: ResponseReader, isStream: boolean, tokens: number): string | undefined {
  if (reader.status !== 200) return `status ${reader.status}`;
  if (isStream && !reader.tail.includes("data: [DONE]")) return "no end marker";
  if (reader.text === "") return undefined;
  const words = isStream
    ? reader.text.split('"delta":{"content":" ').length - 1
    : (/"content":"([^"]*)"/.exec(reader.text)?.[1]?.split(" ").length ?? 0) - 1;
  return words === tokens ? undefined : `${words} tokens`;
}

function requestBytes(plan: LoadPlan): Buffer {
  const body = JSON.stringify(chatBody(plan.model, plan.kind === "stream"));
  return Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${new URL(plan.url).host}\r\n` +
      `authorization: Bearer ${plan.key}\r\ncontent-type: application/json\r\naccept: */*\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
