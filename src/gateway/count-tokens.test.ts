import { beforeEach, expect, test } from "bun:test";
import type { Transport } from "../adapters/adapter.ts";
import { createAnthropic } from "../adapters/anthropic/index.ts";
import { openai } from "../adapters/openai/index.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { type CountPorts, countTokens } from "./count-tokens.ts";
import { Deadlines } from "./deadlines.ts";
import { callerOf, chatRequest } from "./testing/fixtures.ts";
import { runRoute } from "./testing/run-world.ts";

let clock: ManualClock;
let held: { rates: number; tickets: number };
let asked: string[];
beforeEach(() => {
  clock = new ManualClock();
  held = { rates: 0, tickets: 0 };
  asked = [];
});

const anthropic = createAnthropic(new ManualClock());
const RATES = { input: 1n, output: 1n };
const request = { ...chatRequest("hi"), promptTokens: 40 };

function portsWith(network: Transport, names: Readonly<Record<string, "counts" | "cannot">>): CountPorts {
  const routes = Object.entries(names).map(([name, kind]) =>
    runRoute(name, kind === "counts" ? anthropic : openai, RATES),
  );
  const routing = { strategy: "priority", weights: { cost: 1, performance: 0, quality: 0 } } as const;
  return {
    clock,
    deadlines: new Deadlines(clock),
    network(call, signal, watcher) {
      asked.push(new URL(call.url).hostname);
      return network(call, signal, watcher);
    },
    admission: {
      takeRates() {
        held.rates += 1;
        return {
          limit: { name: "key", limit: 5, remaining: 4, resetMs: 1 },
          release: () => (held.rates -= 1),
        };
      },
      hold() {
        throw new Error("nothing is held for a count");
      },
    },
    desk: {
      standingOf: () => ({ breaker: "closed", firstTokenMs: undefined, errorRatio: 0 }),
      take() {
        held.tickets += 1;
        return {
          ok: true,
          key: { id: "k", secret: "s", weight: 1 },
          report: (observation) => expect(observation).toEqual({ ok: "unknown" }),
          release: () => (held.tickets -= 1),
        };
      },
    },
    routes: () => ({
      catalog: { vendors: new Map(), models: new Map(), routing, tiers: {} },
      routing,
      models: new Map([["m", routes]]),
    }),
  };
}

const count = (ports: CountPorts, signal?: AbortSignal) =>
  countTokens(ports, callerOf(), request, signal === undefined ? {} : { signal });

test("the first vendor that counts for nothing counts", async () => {
  const ports = portsWith(async () => Response.json({ input_tokens: 7 }), { a: "cannot", b: "counts" });
  expect(await count(ports)).toMatchObject({
    inputTokens: 7,
    counted: { vendor: "b", vendorModel: "b-model" },
    limit: { remaining: 4 },
  });
  expect(asked).toEqual(["b.test"]);
  expect(held).toEqual({ rates: 0, tickets: 0 });
});

test.each([
  ["is overloaded", async () => new Response("{}", { status: 529 })],
  ["answers nonsense", async () => Response.json({ input_tokens: -1 })],
  ["cannot be reached", () => Promise.reject(new Error("no"))],
] as const)(
  "when a vendor %s the next is asked, two at most, and then it is estimated",
  async (_, network) => {
    const ports = portsWith(network, { a: "counts", b: "counts", c: "counts" });
    expect(await count(ports)).toEqual({ inputTokens: 20, limit: expect.anything() });
    expect(asked).toEqual(["a.test", "b.test"]);
    expect(held).toEqual({ rates: 0, tickets: 0 });
  },
);

test("a vendor that does not answer in time is not waited for", async () => {
  const silent: Transport = (_, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
  const counting = count(portsWith(silent, { a: "counts" }));
  await Bun.sleep(1);
  await clock.advance(6_000);
  expect(await counting).toMatchObject({ inputTokens: 20 });
});

test("what a vendor refuses in the request itself is the client's", async () => {
  const body = { type: "error", error: { type: "invalid_request_error", message: "no such thing" } };
  const ports = portsWith(async () => Response.json(body, { status: 400 }), { a: "counts" });
  const refused: unknown = await count(ports).catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({ code: "invalid_request" });
  expect(held).toEqual({ rates: 0, tickets: 0 });
});

test("a client that leaves ends the call", async () => {
  const leaving = new AbortController();
  const silent: Transport = (_, signal) => {
    queueMicrotask(() => leaving.abort());
    return new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(new Error("aborted"))),
    );
  };
  expect(await count(portsWith(silent, { a: "counts" }), leaving.signal)).toMatchObject({ inputTokens: 20 });
  expect(held).toEqual({ rates: 0, tickets: 0 });
});
