import { type Account, createBook, type OpenCall } from "./mock-vendor/account.ts";
import { readRequest, scriptIn, type VendorRequest } from "./mock-vendor/call.ts";
import { deliverStream } from "./mock-vendor/deliver-stream.ts";
import { deliverAnswer, deliverPlain } from "./mock-vendor/deliver-whole.ts";
import { framesOf } from "./mock-vendor/frames.ts";
import { type Outgoing, serveHttp } from "./mock-vendor/http-server.ts";
import { planOf } from "./mock-vendor/plan.ts";
import { refusalOf } from "./mock-vendor/refusals.ts";
import { responseFrames, responseOf } from "./mock-vendor/responses.ts";
import type { Script, Shape } from "./mock-vendor/script.ts";
import { ClientGone, createHolds, type Stage } from "./mock-vendor/stage.ts";
import { answerOf, embeddingsOf, modelsOf } from "./mock-vendor/whole-answers.ts";

/**
 * A vendor that speaks OpenAI's wire (chats, and Responses), on a port of its own, for tests: each call is answered as its script says,
 * and what was served is written down, for comparison with what the gateway charged.
 */
export interface MockVendor {
  /** With `/v1`, to be used as a base URL. */
  readonly url: string;
  readonly account: Account;
  readonly connections: { readonly accepted: number; readonly open: number };
  /** Calls that their scripts hold. */
  readonly held: { readonly count: number; reached(count: number): Promise<void> };
  /** How calls are answered that nothing else is said for. A function decides call by call. */
  always(script: Script | ((request: VendorRequest) => Script)): void;
  /** The scripts of the next calls, each used once, before everything else that is said. */
  next(...scripts: readonly Script[]): void;
  /** Lets all calls go on that are held now. */
  release(): void;
  /** Resolves when no call runs. */
  quiet(): Promise<void>;
  stop(): void;
}

export interface MockVendorOptions {
  /** The default is OpenAI's. */
  readonly shape?: Shape;
  /** Keys that are valid; absent: every one is. */
  readonly keys?: readonly string[];
  /** What `GET /models` lists. */
  readonly models?: readonly string[];
}

/** @example
 * const vendor = startMockVendor({ shape: "deepseek" });
 * vendor.next({ refusal: "rate_limit" }, { tokens: 20, cut: { afterTokens: 7, inside: "frame" } });
 */
export function startMockVendor(options: MockVendorOptions = {}): MockVendor {
  const book = createBook();
  const holds = createHolds();
  const queue: Script[] = [];
  const quiet = new Set<() => void>();
  let running = 0;
  let usual: (request: VendorRequest) => Script = () => ({});

  const server = serveHttp(async (incoming, out) => {
    const request = readRequest(incoming.method, incoming.path, incoming.headers, incoming.body);
    const call = book.open(request);
    const script = {
      shape: options.shape ?? "openai",
      ...(queue.shift() ?? scriptIn(request) ?? usual(request)),
    };
    running += 1;
    try {
      await serve(call, script, options, out, holds.stageOf(out));
    } catch (error) {
      if (!(error instanceof ClientGone)) throw error;
      call.outcome = "aborted";
    } finally {
      running -= 1;
      if (running === 0) for (const resolve of quiet) resolve();
      if (running === 0) quiet.clear();
    }
  });

  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    account: book,
    get connections() {
      return server.connections;
    },
    held: {
      get count() {
        return holds.count;
      },
      reached: holds.reached,
    },
    always(script) {
      usual = typeof script === "function" ? script : () => script;
    },
    next: (...scripts) => void queue.push(...scripts),
    release: holds.release,
    quiet: () => new Promise((resolve) => (running === 0 ? resolve() : void quiet.add(resolve))),
    stop: server.stop,
  };
}

async function serve(
  call: OpenCall,
  script: Script & { readonly shape: Shape },
  options: MockVendorOptions,
  out: Outgoing,
  stage: Stage,
): Promise<void> {
  const { request } = call;
  await stage.wait(script.pace?.headers);
  if (script.hold === "headers") await stage.hold();
  const isByteWise = script.writes === "byte";
  if (script.silence === true) {
    call.outcome = "broken";
    return out.close("close");
  }
  if (script.answer !== undefined) return deliverPlain(script.answer, isByteWise, call, out);
  const isKnown = options.keys === undefined || options.keys.includes(request.key);
  const refusal = script.refusal ?? (isKnown ? undefined : "invalid_key");
  if (refusal !== undefined) {
    return deliverPlain(refusalOf(script.shape, refusal, call.number), isByteWise, call, out);
  }
  if (request.operation === "models")
    return deliverPlain({ body: modelsOf(options.models ?? []) }, isByteWise, call, out);
  if (request.operation === "other")
    return deliverPlain({ status: 404, body: "not found" }, isByteWise, call, out);

  const plan = planOf(request, script, call.number);
  call.promptTokens = plan.counts.prompt;
  call.cachedTokens = plan.counts.cached;
  if (request.operation === "embedding") {
    const nothingSaid = { ...plan, counts: { ...plan.counts, completion: 0, reasoning: 0 } };
    return deliverAnswer(embeddingsOf(request, plan), nothingSaid, script, call, out, stage);
  }
  if (request.operation === "response") {
    return request.stream
      ? deliverStream(responseFrames(request, script, plan, call.number), script, call, out, stage)
      : deliverAnswer(responseOf(request, script, plan, call.number), plan, script, call, out, stage);
  }
  return request.stream
    ? deliverStream(framesOf(request, script, plan, call.number), script, call, out, stage)
    : deliverAnswer(answerOf(request, script, plan, call.number), plan, script, call, out, stage);
}
