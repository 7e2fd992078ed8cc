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

/** How often requests that are due are started: as fine as timers are. */
const TICK_MS = 1;

/** Requests that are due and have no free connection, the oldest first. */
interface OpenLoop {
  readonly due: number[];
  readonly idle: Socket<Loop>[];
}

/** Runs HTTP requests over `connections` plain sockets, in closed loops or at a rate. */
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
  const paced: OpenLoop | undefined = plan.rate === undefined ? undefined : { due: [], idle: [] };
  const mostAsked = plan.requests ?? Number.POSITIVE_INFINITY;

  const next = (socket: Socket<Loop>): void => {
    const now = performance.now();
    const due = paced === undefined ? now : paced.due.shift();
    socket.data.isBusy = false;
    if (due !== undefined && asked < mostAsked && (now < deadline || paced !== undefined)) ask(socket, due);
    else if (now >= deadline || asked >= mostAsked) socket.end();
    else paced?.idle.push(socket);
  };

  const ask = (socket: Socket<Loop>, due: number): void => {
    const loop = socket.data;
    asked += 1;
    loop.reader.next(asked % CHECKED_ONE_IN === 1);
    loop.isBusy = true;
    loop.firstAt = 0;
    loop.startedAt = due;
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
          next(socket);
        },
        data(socket, bytes) {
          const loop = socket.data;
          const isWhole = loop.reader.push(bytes);
          if (loop.firstAt === 0 && loop.reader.hasBody) loop.firstAt = performance.now();
          if (!isWhole) return;
          finish(loop);
          next(socket);
        },
        close(socket) {
          open.delete(socket);
          // One that was closed while it waited is nobody's to write on.
          const waiting = paced?.idle.indexOf(socket) ?? -1;
          if (waiting >= 0) paced?.idle.splice(waiting, 1);
          if (socket.data.isBusy) tally.failed("connection closed in an answer");
          if (performance.now() < deadline && asked < mostAsked) connect();
          else if (open.size === 0) over.resolve();
        },
      },
    }).catch(() => {
      tally.failed("no connection");
      if (open.size === 0) over.resolve();
    });
  };

  for (let count = 0; count < plan.connections; count += 1) connect();
  const stopTicking = paced === undefined ? () => {} : startOpenLoop(plan, startedAt, paced, ask);
  const grace = setTimeout(
    () => {
      for (const socket of open) socket.terminate();
      over.resolve();
    },
    plan.seconds * 1000 + GRACE_MS,
  );
  await over.promise;
  clearTimeout(grace);
  stopTicking();
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

/** Starts requests at their times; those that find no free connection wait, and their waiting counts. */
function startOpenLoop(
  { rate = 0, seconds }: LoadPlan,
  startedAt: number,
  { due, idle }: OpenLoop,
  ask: (socket: Socket<Loop>, due: number) => void,
): () => void {
  const last = rate * seconds;
  let begun = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    const should = Math.min(last, ((now - startedAt) / 1000) * rate);
    for (; begun < should; begun += 1) {
      const at = startedAt + (begun / rate) * 1000;
      const socket = idle.pop();
      if (socket === undefined) due.push(at);
      else ask(socket, at);
    }
    if (begun < last) return;
    clearInterval(timer);
    for (const socket of idle.splice(0)) socket.end();
  }, TICK_MS);
  return () => clearInterval(timer);
}

function requestBytes(plan: LoadPlan): Buffer {
  const body = JSON.stringify(chatBody(plan.model, plan.kind === "stream"));
  const further = Object.entries(plan.headers ?? {})
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return Buffer.from(
    `POST ${plan.path ?? "/v1/chat/completions"} HTTP/1.1\r\nhost: ${new URL(plan.url).host}\r\n` +
      `authorization: Bearer ${plan.key}\r\ncontent-type: application/json\r\naccept: */*\r\n${further}` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
