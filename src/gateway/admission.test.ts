import { describe, expect, test } from "bun:test";
import { type PriceInput, priceOf } from "../config/prices.ts";
import { SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { priceId } from "../core/ids.ts";
import { formatPoints, type Micropoints, micropointsOf, subtract } from "../core/points.ts";
import { type Admission, type AdmissionPorts, admit } from "./admission.ts";
import type { Caller } from "./gateway.ts";
import { parseChat } from "./requests/chat.ts";
import { parseEmbedding } from "./requests/embedding.ts";
import type { Route } from "./routes.ts";
import { callerOf, routeOf } from "./testing/fixtures.ts";

/** A tenant with so many micropoints, asked synchronously or not. */
function purse(balance: bigint, isWarm = true) {
  let available = micropointsOf(balance);
  let slots = 0;
  const take = (amount: Micropoints) => {
    if (amount > available) {
      throw new SluiceError("insufficient_points", "short", { affordable: formatPoints(available) });
    }
    available = subtract(available, amount);
    return {
      amount,
      settle: () => ({ charged: amount, loss: micropointsOf(0n) }),
      release() {},
      refund() {},
    };
  };
  const ports: AdmissionPorts = {
    takeRates() {
      slots += 1;
      return {
        limit: undefined,
        release() {
          slots -= 1;
        },
      };
    },
    hold: (_caller, amount) => (isWarm ? take(amount) : Promise.resolve().then(() => take(amount))),
  };
  return { ports, available: () => available as bigint, slots: () => slots };
}

const asked = (request: GenerationRequest, candidates: readonly Route[], caller: Partial<Caller> = {}) => ({
  caller: callerOf(caller),
  request,
  candidates,
  path: undefined,
  at: 0,
});

/** 200 bytes: 100 prompt tokens held. */
const request = parseChat({ model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 50 }, 200);
const cheap = routeOf("cheap", { input: 1n, output: 2n });
const dear = routeOf("dear", { input: 10n, output: 20n });

async function refusal(run: () => Admission | Promise<Admission>): Promise<SluiceError> {
  try {
    await run();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
  }
  throw new Error("was not refused");
}

describe.each([true, false])("admission with a warm lease: %p", (isWarm) => {
  test("holds the largest cost over all candidates", async () => {
    const { ports, available } = purse(10_000n, isWarm);
    const admission = await admit(ports, asked(request, [cheap, dear]));
    expect(admission.hold.amount).toBe(micropointsOf(100n * 10n + 50n * 20n));
    expect(admission.candidates).toEqual([cheap, dear]);
    expect(available()).toBe(8_000n);
  });

  test("leaves out the candidates that the balance does not cover", async () => {
    const { ports } = purse(500n, isWarm);
    const admission = await admit(ports, asked(request, [dear, cheap]));
    expect(admission.candidates).toEqual([cheap]);
    expect(admission.hold.amount).toBe(micropointsOf(200n));
    expect(admission.cappedOutputTokens).toBeUndefined();
  });

  test("caps the output to what the balance can pay for", async () => {
    const { ports, available } = purse(150n, isWarm);
    const admission = await admit(ports, asked(request, [cheap]));
    expect(admission.cappedOutputTokens).toBe(25);
    expect(available()).toBe(0n);
  });

  test("shares a cap among the choices", async () => {
    const several = parseChat({ ...request.body, n: 2 }, 200);
    const { ports } = purse(150n, isWarm);
    expect((await admit(ports, asked(several, [cheap]))).cappedOutputTokens).toBe(12);
  });

  test.each<[string, bigint, Partial<Caller>]>([
    ["not even the prompt is affordable", 99n, {}],
    ["the prompt is affordable but no output", 101n, {}],
    ["the key wants whole answers or none", 150n, { onShortBalance: "refuse" }],
    ["there is nothing at all", 0n, {}],
  ])("refuses when %s, and gives the rate's slot back", async (_why, balance, caller) => {
    const { ports, slots } = purse(balance, isWarm);
    const error = await refusal(() => admit(ports, asked(request, [cheap], caller)));
    expect(error.code).toBe("insufficient_points");
    expect(slots()).toBe(0);
  });

  test("never caps an embedding: it has no output to cap", async () => {
    const embedding = parseEmbedding({ model: "m", input: "hi" }, 200);
    const { ports } = purse(99n, isWarm);
    const error = await refusal(() => admit(ports, asked(embedding, [cheap])));
    expect(error.code).toBe("insufficient_points");
  });
});

test("is synchronous when everything is warm", () => {
  expect(admit(purse(10_000n).ports, asked(request, [cheap]))).not.toBeInstanceOf(Promise);
});

test("gives up after a few denials when others keep spending", async () => {
  let times = 0;
  const ports: AdmissionPorts = {
    takeRates: () => ({ limit: undefined, release: () => {} }),
    hold() {
      times += 1;
      throw new SluiceError("insufficient_points", "short", { affordable: "1" });
    },
  };
  await refusal(() => admit(ports, asked(request, [cheap])));
  expect(times).toBeLessThanOrEqual(4);
});

describe("a request that another vendor may go on with", () => {
  const streamed = parseChat({ ...request.body, stream: true }, 200);
  const may = { mayBeTakenOver: true };
  // Read again with 50 tokens that may count as 75, and the instruction of 128; one token is left to give.
  const dearest = (100n + 50n * 2n) * 10n + (100n + 75n + 128n) * 10n + 20n;

  test("holds for the dearest beginning and the dearest end", () => {
    const { ports } = purse(100_000n);
    const admission = admit(ports, { ...asked(streamed, [cheap, dear]), ...may }) as Admission; // warm
    expect(admission.coversMore).toBe(true);
    expect(admission.hold.amount).toBe(micropointsOf(dearest));
  });

  test("is admitted without that when the balance is too short for it, or nobody could go on", async () => {
    const { ports } = purse(dearest - 1n);
    const admission = await admit(ports, { ...asked(streamed, [cheap, dear]), ...may });
    expect(admission.coversMore).toBe(false);
    expect(admission.candidates).toEqual([cheap, dear]);
    expect(admission.hold.amount).toBe(micropointsOf(2_000n));
    const alone = await admit(purse(100_000n).ports, { ...asked(streamed, [dear]), ...may });
    expect([alone.coversMore, alone.hold.amount]).toEqual([false, micropointsOf(2_000n)]);
  });
});

describe("a price that depends on more than tokens", () => {
  const priced = (price: PriceInput): Route => {
    const route = routeOf("timed", { input: 0n, output: 0n });
    return { ...route, price: { id: priceId("p"), spec: priceOf(price) } };
  };
  const held = (price: PriceInput, at: number, body: object = {}): bigint => {
    const chat = parseChat({ ...request.body, ...body }, 200);
    const admission = admit(purse(1_000_000n).ports, { ...asked(chat, [priced(price)]), at });
    if (admission instanceof Promise) throw new Error("the lease is warm");
    return admission.hold.amount;
  };
  const peak = { input: 10, output: 20, times: [{ at: "mon-fri 01:00-04:00", input: 20, output: 40 }] };
  const monday = Date.parse("2026-11-02T00:00:00Z");
  const minute = 60_000;

  test("is held for by the dearest hours that may begin before the call must be over", () => {
    // A call may take ten minutes.
    expect(held(peak, monday + 49 * minute)).toBe(2_000n);
    expect(held(peak, monday + 51 * minute)).toBe(4_000n);
    expect(held(peak, monday + 239 * minute)).toBe(4_000n);
    expect(held(peak, monday + 240 * minute)).toBe(2_000n);
  });

  test.each([
    [{}, 2_000n],
    [{ service_tier: "default" }, 2_000n],
    [{ service_tier: "flex" }, 2_000n],
    [{ service_tier: "priority" }, 4_000n],
    [{ service_tier: "auto" }, 4_000n],
  ])("is held for by the dearest tier that may serve %j", (body, amount) => {
    const price = { input: 10, output: 20, serviceTiers: { flex: 50, priority: 200 } };
    expect(held(price, monday, body)).toBe(amount);
  });

  test("is held for by the dearest band that the prompt may fall into, and caps what that leaves", async () => {
    const price = { input: 10, output: 20, bands: [{ above: 60, input: 1, output: 40 }] };
    expect(held(price, monday)).toBe(2_100n);
    const { ports } = purse(1_100n);
    const admission = await admit(ports, asked(request, [priced(price)]));
    // 60 tokens at 10 and 25 at 20 are within it; 100 at 1 and 25 at 40 are all of it.
    expect([admission.cappedOutputTokens, admission.hold.amount as bigint]).toEqual([25, 1_100n]);
  });

  test("is held for, where another vendor may go on, by the band that the longest text reaches", () => {
    const price = { input: 10, output: 20, bands: [{ above: 120, input: 20, output: 40 }] };
    const streamed = parseChat({ ...request.body, stream: true }, 200);
    const candidates = [priced(price), priced(price)];
    const admission = admit(purse(1_000_000n).ports, {
      ...asked(streamed, candidates),
      mayBeTakenOver: true,
    });
    if (admission instanceof Promise) throw new Error("the lease is warm");
    // The text so far is read as up to 75 tokens more, with the instruction's 128: the second is in the dearer band.
    const atTheEnd = (100n + 50n * 2n) * 10n + (100n + 75n + 128n) * 20n + 40n;
    expect(admission.hold.amount as bigint).toBe(atTheEnd);
  });
});

test("a prediction is held for beside the answer, and an answer that the balance caps is shorter by it", async () => {
  const prediction = { type: "content", content: "x".repeat(38) }; // 20 tokens
  const predicted = parseChat(
    { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 50, prediction },
    200,
  );
  const rich = purse(10_000n);
  await admit(rich.ports, asked(predicted, [cheap]));
  expect(rich.available()).toBe(10_000n - 100n - (50n + 20n) * 2n);
  const poor = purse(160n);
  const { cappedOutputTokens } = await admit(poor.ports, asked(predicted, [cheap]));
  expect(cappedOutputTokens).toBe(10);
  expect(poor.available()).toBe(0n);
});

test("a picture is held for by the model that counts it highest", async () => {
  const content = [{ type: "image_url", image_url: { url: "https://x.test/a.png" } }];
  const shown = parseChat({ model: "m", messages: [{ role: "user", content }], max_tokens: 50 }, 200);
  const mini = { ...cheap, model: "gpt-4o-mini" };
  const rich = purse(100_000n);
  await admit(rich.ports, asked(shown, [cheap, mini]));
  expect(100_000n - rich.available()).toBeGreaterThanOrEqual(48_169n);
});
