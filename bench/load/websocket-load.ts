import { chatBody, type LoadPlan, type LoadResult, tokensOf } from "./plan.ts";
import { createTally } from "./tally.ts";

const GRACE_MS = 15_000;

interface Run {
  readonly startedAt: number;
  firstAt: number;
  deltas: number;
}

/** Runs `connections` sockets with `generations` closed loops on each. */
export async function websocketLoad(plan: LoadPlan): Promise<LoadResult> {
  const url = `${plan.url.replace(/^http/, "ws")}/v1/ws`;
  const tally = createTally();
  const startedAt = performance.now();
  const deadline = startedAt + plan.seconds * 1000;
  const sockets = Array.from({ length: plan.connections }, () => runSocket(plan, url, deadline, tally));
  await Promise.all(sockets);
  return tally.result((performance.now() - startedAt) / 1000);
}

function runSocket(
  plan: LoadPlan,
  url: string,
  deadline: number,
  tally: ReturnType<typeof createTally>,
): Promise<void> {
  const body = JSON.stringify(chatBody(plan.model, true));
  const tokens = tokensOf(plan.model);
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${plan.key}` } });
  const runs = new Map<string, Run>();
  const over = Promise.withResolvers<void>();
  let asked = 0;

  const most = Math.ceil((plan.requests ?? Number.POSITIVE_INFINITY) / plan.connections);
  const ask = (): void => {
    if (performance.now() >= deadline || asked >= most) {
      if (runs.size === 0) socket.close();
      return;
    }
    asked += 1;
    runs.set(`g${asked}`, { startedAt: performance.now(), firstAt: 0, deltas: 0 });
    socket.send(`{"type":"generate","id":"g${asked}","body":${body}}`);
  };

  /** Only the end is parsed; a delta is recognised and its characters are not counted. */
  const read = (text: string): void => {
    const id = /"id":"(g\d+)"/.exec(text)?.[1] ?? "";
    const run = runs.get(id);
    if (run === undefined) {
      tally.failed("a frame of no generation");
      return;
    }
    if (text.includes('"type":"delta"')) {
      run.deltas += 1;
      if (run.firstAt === 0) run.firstAt = performance.now();
      return;
    }
    if (text.includes('"type":"started"')) return;
    runs.delete(id);
    const problem = endProblem(text, tokens);
    if (problem !== undefined) tally.failed(problem);
    else tally.done(performance.now() - run.startedAt, run.firstAt - run.startedAt);
    ask();
  };

  const grace = setTimeout(() => socket.close(), deadline - performance.now() + GRACE_MS);
  socket.onopen = () => {
    for (let count = 0; count < plan.generations; count += 1) ask();
  };
  socket.onmessage = ({ data }) => read(String(data));
  socket.onerror = () => tally.failed("socket error");
  socket.onclose = () => {
    for (const _ of runs) tally.failed("socket closed in a generation");
    clearTimeout(grace);
    over.resolve();
  };
  return over.promise;
}

interface EndFrame {
  readonly type?: string;
  readonly outcome?: string;
  readonly usage?: { readonly completion_tokens?: number };
  readonly error?: { readonly code?: string };
}

function endProblem(text: string, tokens: number): string | undefined {
  const frame: EndFrame = JSON.parse(text);
  if (frame.type !== "done") return `${frame.type}: ${frame.error?.code}`;
  if (frame.outcome !== "completed") return `outcome ${frame.outcome}`;
  const used = frame.usage?.completion_tokens ?? tokens;
  return used === tokens ? undefined : `${used} tokens`;
}
