import type { Observation } from "../../actors/leases/leases.ts";
import type { Adapter, Transport } from "../../adapters/adapter.ts";
import { openai } from "../../adapters/openai/index.ts";
import type { RoutingSpec } from "../../core/catalog.ts";
import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest, NativeRequest } from "../../core/generation.ts";
import { nodeId, type RequestId, requestId } from "../../core/ids.ts";
import { silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { formatPoints, type Micropoints, micropointsOf, ZERO } from "../../core/points.ts";
import { seededRandom } from "../../core/random.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { UsageRecord } from "../../ledger/records.ts";
import type { Hold } from "../charge.ts";
import { Deadlines } from "../deadlines.ts";
import { createExplanations } from "../explain.ts";
import type { GenerateOptions, Generation } from "../gateway.ts";
import { type GeneratePorts, generate } from "../generate.ts";
import { Hedging } from "../hedge/hedging.ts";
import { OpenCharges } from "../open-charges.ts";
import { parseChat } from "../requests/chat.ts";
import type { Route } from "../routes.ts";
import type { Telemetry } from "../telemetry.ts";
import type { Ticket } from "../vendor-desk.ts";
import { bookingSpool } from "./booking-spool.ts";
import { callerOf, routeOf } from "./fixtures.ts";

/** One vendor of OpenAI's dialect whose bytes a test writes, and everything of a request that must be given back. */
export interface RunWorld {
  readonly clock: ManualClock;
  readonly openCharges: OpenCharges;
  /** What is held, by how many calls have a ticket, and the points that were given back after all. */
  readonly held: { holds: number; tickets: number; calls: number; refunded: bigint };
  readonly booked: UsageRecord[];
  /** What was said of the vendors' health. */
  readonly observed: Observation[];
  /** Set: the spool refuses USAGE records with it. */
  diskError: Error | undefined;
  /** Resolved by the test when it makes the desk wait. */
  ticketGate: Promise<void> | undefined;
  /** What it knows about how fast its routes begin. */
  readonly hedging: Hedging;
  /** The routing's settings; a test replaces them. */
  routing: RoutingSpec;
  /** Points to hold at once; absent: any. */
  balance: bigint | undefined;
  /** Set: what the vendor's network does in place of answering. */
  network: Transport | undefined;
  /** Writes to the vendor's answer. */
  say(text: string): void;
  /** Closes it. */
  end(): void;
  stream(signal?: AbortSignal): Promise<Generation>;
  whole(signal?: AbortSignal): Promise<Generation>;
  /** Any chat: fields of its body, how it is asked for, and the same in the client's own dialect. */
  chat(body: object, options?: Asked): Promise<Generation>;
  /** Any request. */
  ask(request: GenerationRequest, options?: Partial<GenerateOptions>): Promise<Generation>;
}

type Asked = Partial<GenerateOptions> & { readonly native?: NativeRequest };

export const delta = (content: string, usage?: object): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content }, finish_reason: null }], ...(usage === undefined ? {} : { usage }) })}\n\n`;
export const FINISH =
  'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
export const USAGE =
  'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}\n\n';
export const DONE = "data: [DONE]\n\n";

/** @param routes who serves the model, in this order; absent: one vendor with the adapter */
export function createRunWorld(adapter: Adapter = openai, routes?: readonly Route[]): RunWorld {
  const clock = new ManualClock();
  const openCharges = new OpenCharges(clock);
  const held = { holds: 0, tickets: 0, calls: 0, refunded: 0n };
  const booked: UsageRecord[] = [];
  const observed: Observation[] = [];
  const body = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: 1_000 });
  const writer = body.writable.getWriter();
  const models = new Map([["m", routes ?? [runRoute("v", adapter, { input: 1n, output: 10n })]]]);

  const takeTicket = (): Ticket => {
    held.tickets += 1;
    let isOver = false;
    return {
      ok: true,
      key: KEY,
      report: (observation) => void observed.push(observation),
      release() {
        if (isOver) throw new Error("a ticket was given back twice");
        isOver = true;
        held.tickets -= 1;
      },
    };
  };

  const world: RunWorld = {
    clock,
    openCharges,
    held,
    booked,
    observed,
    diskError: undefined,
    ticketGate: undefined,
    network: undefined,
    hedging: new Hedging(),
    routing: ROUTING,
    balance: undefined,
    say: (text) => void writer.write(new TextEncoder().encode(text)).catch(() => {}), // aborted meanwhile
    end: () => void writer.close().catch(() => {}),
    stream: (signal) => run({ stream: true }, signal === undefined ? {} : { signal }),
    whole: (signal) => run({ stream: false }, signal === undefined ? {} : { signal }),
    chat: run,
    ask: (request, options) => generate(ports, callerOf(), request, { ...askedAs(), ...options }),
  };

  const ports: GeneratePorts = {
    clock,
    openCharges,
    log: silentLog,
    node: nodeId("n"),
    region: "local",
    random: seededRandom(1),
    deadlines: new Deadlines(clock),
    explanations: createExplanations(),
    telemetry: SILENT,
    hedging: world.hedging,
    spool: bookingSpool(booked, [], () => world.diskError),
    admission: {
      takeRates: () => ({ limit: undefined, release() {} }),
      hold: (_caller, amount) => {
        const { balance } = world;
        if (balance === undefined || amount <= balance) return takeHold(amount, held);
        const affordable = formatPoints(micropointsOf(balance));
        throw new SluiceError("insufficient_points", "short", { affordable });
      },
    },
    desk: {
      standingOf: () => ({ breaker: "closed", firstTokenMs: undefined, errorRatio: 0 }),
      take(_route, tried) {
        if (tried.size > 0) return { ok: false, failure: NO_FURTHER_KEY };
        return world.ticketGate === undefined ? takeTicket() : world.ticketGate.then(takeTicket);
      },
    },
    async network(call, signal, observer) {
      held.calls += 1;
      if (world.network !== undefined) return world.network(call, signal, observer);
      signal.addEventListener("abort", () => writer.abort(new Error("aborted")).catch(() => {}));
      return new Response(body.readable);
    },
    routes: () => ({
      catalog: { vendors: new Map(), models: new Map(), routing: world.routing, tiers: {} },
      routing: world.routing,
      models,
    }),
  };

  function run(body: object, { native, ...options }: Asked = {}): Promise<Generation> {
    const messages = [{ role: "user", content: "How are you?" }];
    const request = parseChat({ model: "m", messages, max_tokens: 50, ...body }, 40);
    return world.ask(native === undefined ? request : { ...request, native }, options);
  }

  return world;
}

const KEY = { id: "k", secret: "vendor-secret", weight: 1 };

/** A candidate at `http://<vendor>.test`, with rates in whole micropoints a token. */
export function runRoute(
  vendor: string,
  adapter: Adapter,
  rates: { readonly input: bigint; readonly output: bigint },
): Route {
  const base = routeOf(vendor, rates);
  return { ...base, adapter, baseUrl: `http://${vendor}.test`, vendor: { ...base.vendor, keys: [KEY] } };
}

function takeHold(amount: Micropoints, held: RunWorld["held"]): Hold {
  held.holds += 1;
  const release = () => {
    held.holds -= 1;
  };
  return {
    amount,
    settle(charged) {
      release();
      return { charged, loss: ZERO };
    },
    release,
    refund(charged) {
      held.refunded += charged;
    },
  };
}

const askedAs = () => ({ requestId: nextId(), mode: "passthrough" }) as const;

let requests = 0;
function nextId(): RequestId {
  requests += 1;
  return requestId(`req_${requests}`);
}

export const SILENT: Telemetry = {
  generationEnded() {},
  attemptFailed() {},
  anotherVendor() {},
  firstToken() {},
  streamOpened() {},
  streamClosed() {},
  lease() {},
  ownerAsked() {},
};

const ROUTING: RoutingSpec = { strategy: "priority", weights: { cost: 1, performance: 0, quality: 0 } };
const NO_FURTHER_KEY: VendorFailure = {
  fault: "vendor",
  code: "vendor_unavailable",
  status: 0,
  message: "no further key",
};
