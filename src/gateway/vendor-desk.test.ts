import { describe, expect, test } from "bun:test";
import type { QuotaLeases, RateLeases, VendorHealth } from "../actors/leases/leases.ts";
import type { VendorKey, VendorLimits } from "../core/catalog.ts";
import { routeOf } from "./testing/fixtures.ts";
import { createVendorDesk, type NoTicket, type Ticket } from "./vendor-desk.ts";

const key = (id: string, weight = 1): VendorKey => ({ id, secret: `sk-${id}`, weight });

function desk(options: {
  keys?: VendorKey[];
  limits?: VendorLimits;
  rate?: boolean;
  quota?: boolean;
  breaker?: boolean;
}) {
  const told: string[] = [];
  const denied = {
    ok: false,
    state: { name: "vendor", limit: 1, remaining: 0, resetMs: 10 },
    retryAfterMs: 10,
  } as const;
  const health: VendorHealth = {
    view: () => ({
      state: "closed",
      firstTokenMs: undefined,
      latencyMs: undefined,
      errorRatio: 0,
      cooling: new Set(),
    }),
    begin: () => options.breaker !== false,
    report: (_vendor, id, observation) => void told.push(`report ${id} ${observation.ok}`),
    usableKeys: (_vendor, keys) => keys,
    close() {},
  };
  const rates: Pick<RateLeases, "take"> = {
    take: () =>
      options.rate === false
        ? denied
        : {
            ok: true,
            remaining: Number.POSITIVE_INFINITY,
            state: undefined,
            release: () => void told.push("rate released"),
            undo: () => void told.push("rate undone"),
          },
  };
  const quotas: QuotaLeases = {
    take: () =>
      Promise.resolve(
        options.quota === false ? denied : { ok: true, undo: () => void told.push("quota undone") },
      ),
    drain: async () => {},
  };
  const route = routeOf("v", { input: 1n, output: 1n });
  const { keys = [key("a")], limits = {} } = options;
  const with_ = { ...route, vendor: { ...route.vendor, keys, limits } };
  const opened = createVendorDesk({ health, rates, quotas });
  return { told, take: (tried: string[] = []) => opened.take(with_, new Set(tried)) };
}

const taken = async (result: Ticket | NoTicket | Promise<Ticket | NoTicket>): Promise<Ticket> => {
  const ticket = await result;
  if (!ticket.ok) throw new Error(ticket.failure.message);
  return ticket;
};

describe("the vendor desk", () => {
  test("gives keys their turns by weight, and never one that was tried", async () => {
    const { take } = desk({ keys: [key("a", 3), key("b", 1)] });
    const order: string[] = [];
    for (let turn = 0; turn < 8; turn += 1) order.push((await taken(take())).key.id);
    expect(order.filter((id) => id === "a")).toHaveLength(6);
    expect((await taken(take(["a"]))).key.id).toBe("b");
    expect(await take(["a", "b"])).toMatchObject({ ok: false, failure: { vendorCode: "no_usable_key" } });
  });

  test("asks no lease of an unlimited vendor, and answers at once", () => {
    expect(desk({}).take()).not.toBeInstanceOf(Promise);
  });

  test("refuses at the vendor's limit with when to come back", async () => {
    const refused = await desk({ limits: { qps: 1 }, rate: false }).take();
    expect(refused).toMatchObject({ ok: false, failure: { code: "rate_limit_exceeded", retryAfterMs: 10 } });
  });

  test("puts the rate's token back when the quota or the breaker refuses", async () => {
    const overQuota = desk({ limits: { qps: 1, dailyQuota: 1 }, quota: false });
    expect((await overQuota.take()).ok).toBe(false);
    expect(overQuota.told).toEqual(["rate undone"]);
    const broken = desk({ limits: { qps: 1, dailyQuota: 1 }, breaker: false });
    expect(await broken.take()).toMatchObject({ ok: false, failure: { vendorCode: "breaker_open" } });
    expect(broken.told).toEqual(["rate undone", "quota undone"]);
  });

  test("takes the first word on how a call went, and gives its slot back", async () => {
    const { told, take } = desk({ limits: { concurrency: 1 } });
    const ticket = await taken(take());
    ticket.report({ ok: true, durationMs: 1, firstTokenMs: undefined });
    ticket.report({ ok: "unknown" });
    ticket.release();
    expect(told).toEqual(["report a true", "rate released"]);
  });
});
