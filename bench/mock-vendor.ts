/**
 * A vendor that is fast enough not to be what is measured: every byte it sends is made beforehand. Speaks
 * OpenAI's wire; what it answers is in the model's name:
 *
 * - `bench-64`: 64 tokens; streamed as fast as the connection takes them, 8 tokens in a write
 * - `bench-64-at-50`: 64 tokens; streamed at 50 tokens a second, one in a write
 * - `bench-64-at-800-by-8`: the same at 800 tokens a second, 8 in a write
 *
 * `GET /account` says what it served. `bun bench/mock-vendor.ts [PORT]`
 */
export interface ServedAccount {
  /** Answers and streams that were sent to the end, by the key that asked and the model. */
  readonly completed: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What the mock counts for every prompt. */
export const PROMPT_TOKENS = 12;
const TOKENS_PER_WRITE = 8;
const WORDS = [" water", " flows", " through", " the", " open", " gate", " and", " on"];

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const JSON_HEADERS = { "content-type": "application/json" };
const SSE_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

interface Recipe {
  readonly model: string;
  readonly tokens: number;
  /** Writes a second; absent: as fast as possible. */
  readonly rate: number | undefined;
  readonly answer: Uint8Array;
  /** What is written at a time, the end included. */
  readonly writes: readonly Uint8Array[];
}

const recipes = new Map<string, Recipe>();
/** A benchmark asks for a handful of models; more is a mistake of its maker. */
const MAX_RECIPES = 1000;

function recipeOf(model: string): Recipe | undefined {
  const known = recipes.get(model);
  if (known !== undefined) return known;
  const [, tokens, rate, size] = /^bench-(\d{1,5})(?:-at-(\d{1,5})(?:-by-(\d{1,3}))?)?$/.exec(model) ?? [];
  if (tokens === undefined || recipes.size >= MAX_RECIPES) return undefined;
  const isPaced = rate !== undefined;
  const tokensPerWrite = Number(size ?? (isPaced ? 1 : TOKENS_PER_WRITE));
  const writesPerSecond = isPaced ? Number(rate) / tokensPerWrite : undefined;
  const recipe = makeRecipe(model, Number(tokens), writesPerSecond, tokensPerWrite);
  recipes.set(model, recipe);
  return recipe;
}

function makeRecipe(model: string, tokens: number, rate: number | undefined, size: number): Recipe {
  const head = { id: "chatcmpl-bench", created: 1_770_933_892, model, system_fingerprint: "fp_bench" };
  const words = Array.from({ length: tokens }, (_, at) => WORDS[at % WORDS.length] ?? "");
  const usage = {
    prompt_tokens: PROMPT_TOKENS,
    completion_tokens: tokens,
    total_tokens: PROMPT_TOKENS + tokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
  const frame = (choices: readonly unknown[], last: object | null): string =>
    `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, usage: last })}\n\n`;
  const delta = (fields: object, finish: string | null): readonly unknown[] => [
    { index: 0, delta: fields, logprobs: null, finish_reason: finish },
  ];
  const frames = words.map((content) => frame(delta({ content }, null), null));
  frames[0] = frame(delta({ role: "assistant", content: "" }, null), null) + (frames[0] ?? "");
  const end = `${frame(delta({}, "stop"), null)}${frame([], usage)}data: [DONE]\n\n`;
  const writes: Uint8Array[] = [];
  for (let at = 0; at < frames.length; at += size) writes.push(encode(frames.slice(at, at + size).join("")));
  writes.push(encode(end));
  const message = { role: "assistant", content: words.join(""), refusal: null };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: "stop" }];
  const answer = encode(JSON.stringify({ ...head, object: "chat.completion", choices, usage }));
  return { model, tokens, rate, answer, writes };
}

/** Writes the next piece of a stream; false when there is none. */
type Advance = () => boolean;

/** Streams that advance together. */
interface Group {
  readonly streams: Set<Advance>;
  isRunning: boolean;
}

/**
 * Streams of one rate advance by a few timers: a timer each would be what is measured, one for all would make
 * bursts. Without a rate they advance once in a turn of the event loop.
 */
const PHASES = 16;
const groups = new Map<string, Group>();
let joined = 0;

function advanceTogether(rate: number | undefined, advance: Advance): () => void {
  joined += 1;
  const name = rate === undefined ? "fast" : `${rate}/${joined % PHASES}`;
  const group = groups.get(name) ?? { streams: new Set(), isRunning: false };
  groups.set(name, group);
  group.streams.add(advance);
  if (!group.isRunning) run(group, rate);
  return () => group.streams.delete(advance);
}

/** Goes on for as long as there are streams. */
function run(group: Group, rate: number | undefined): void {
  group.isRunning = true;
  const turn = (): boolean => {
    for (const advance of group.streams) if (!advance()) group.streams.delete(advance);
    group.isRunning = group.streams.size > 0;
    return group.isRunning;
  };
  if (rate === undefined) {
    const next = (): void => void (turn() && setImmediate(next));
    setImmediate(next);
    return;
  }
  const timer = setInterval(() => {
    if (!turn()) clearInterval(timer);
  }, 1000 / rate);
}

const completed: Record<string, Record<string, number>> = {};
/** Several targets may share this mock: each has a key of its own. */
const MAX_KEYS = 100;

function countCompleted(authorization: string | null, model: string): void {
  const key = (authorization ?? "").replace("Bearer ", "");
  if (!(key in completed) && Object.keys(completed).length >= MAX_KEYS) return;
  completed[key] ??= {};
  completed[key][model] = (completed[key][model] ?? 0) + 1;
}

function streamOf({ writes, rate }: Recipe, whenCompleted: () => void): Response {
  let leave = (): void => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      let at = 0;
      leave = advanceTogether(rate, () => {
        // The client reads slower than it is written to: it gets its turn later.
        if ((controller.desiredSize ?? 0) <= -writes.length) return true;
        const bytes = writes[at];
        at += 1;
        if (bytes !== undefined) {
          controller.enqueue(bytes);
          return true;
        }
        whenCompleted();
        controller.close();
        return false;
      });
    },
    cancel: () => leave(),
  });
  return new Response(body, { headers: SSE_HEADERS });
}

const EMBEDDING = encode(
  JSON.stringify({
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: Array.from({ length: 64 }, (_, at) => at / 64) }],
    model: "bench-embedding",
    usage: { prompt_tokens: PROMPT_TOKENS, total_tokens: PROMPT_TOKENS },
  }),
);

async function answer(request: Request): Promise<Response> {
  const body = await request.text();
  if (request.url.endsWith("/embeddings")) return new Response(EMBEDDING, { headers: JSON_HEADERS });
  const model = /"model"\s*:\s*"([^"]*)"/.exec(body)?.[1] ?? "";
  const recipe = recipeOf(model);
  if (recipe === undefined)
    return Response.json({ error: { message: `no model ${model}` } }, { status: 404 });
  const key = request.headers.get("authorization");
  if (/"stream"\s*:\s*true/.test(body)) return streamOf(recipe, () => countCompleted(key, model));
  countCompleted(key, model);
  return new Response(recipe.answer, { headers: JSON_HEADERS });
}

if (import.meta.main) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: Number(process.argv[2] ?? 0),
    idleTimeout: 0,
    fetch: (request) =>
      request.method === "POST" ? answer(request) : Response.json({ completed } satisfies ServedAccount),
  });
  console.log(`listening on http://127.0.0.1:${server.port}`);
}
