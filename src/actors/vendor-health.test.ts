import { beforeEach, describe, expect, test } from "bun:test";
import { vendorId } from "../core/ids.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { Observation, VendorHealth } from "./leases/leases.ts";
import { createVendorHealth } from "./leases/vendor-health.ts";
import { createLeaseWorld, type LeaseWorld } from "./testing/lease-world.ts";
import { vendorActor } from "./vendor.ts";
import { VENDOR } from "./vendor-protocol.ts";

const openai = vendorId("openai");
const keys = [{ id: "k1" }, { id: "k2" }];
const served: Observation = { ok: true, durationMs: 900, firstTokenMs: 300 };
const failed = (fault: VendorFailure["fault"] = "vendor"): Observation => ({
  ok: false,
  failure: { fault, code: "vendor_unavailable", status: 503, message: "" },
});

let world: LeaseWorld;
let here: VendorHealth;
let there: VendorHealth;

beforeEach(async () => {
  world = await createLeaseWorld(() => [vendorActor(async () => 0n)]);
  here = createVendorHealth(world.ports("n1"));
  there = createVendorHealth(world.ports("n2"));
});

function see(health: VendorHealth, observation: Observation, times: number): void {
  for (let time = 0; time < times; time += 1) {
    health.begin(openai);
    health.report(openai, "k1", observation);
  }
}

describe("one node", () => {
  test("takes a vendor that it does not know for closed and unmeasured", () => {
    expect(here.view(openai)).toEqual({
      state: "closed",
      firstTokenMs: undefined,
      latencyMs: undefined,
      errorRatio: 0,
      cooling: new Set(),
    });
    expect(here.usableKeys(openai, keys)).toBe(keys);
  });

  test("acts at once on what it sees", () => {
    see(here, failed(), 5);
    expect(here.view(openai)).toMatchObject({ state: "open", errorRatio: 1 });
    expect(here.begin(openai)).toBe(false);
    expect(there.view(openai).state).toBe("closed");
  });

  test("measures first tokens and durations", async () => {
    see(here, served, 50);
    await world.pass(200);
    const { firstTokenMs, latencyMs } = here.view(openai);
    expect(firstTokenMs?.p50).toBeGreaterThan(250);
    expect(firstTokenMs?.p95).toBeLessThan(350);
    expect(latencyMs).toBeCloseTo(900, 0);
  });

  test("answers the same view until something changes", () => {
    see(here, served, 1);
    const view = here.view(openai);
    expect(here.view(openai)).toBe(view);
    see(here, failed("key"), 1);
    expect(here.view(openai)).not.toBe(view);
  });

  test("sets aside a key that is refused, and uses the others", async () => {
    see(here, failed("key"), 1);
    expect(here.usableKeys(openai, keys)).toEqual([{ id: "k2" }]);
    expect(here.view(openai)).toMatchObject({ state: "closed", cooling: new Set(["k1"]) });
    // A little longer than a minute: the owner learned of it later.
    await world.pass(61_000, 1_000);
    expect(here.usableKeys(openai, keys)).toBe(keys);
  });

  test("does not blame the vendor for the client's requests, its key or its configuration", () => {
    see(here, failed("request"), 20);
    see(here, failed("account"), 20);
    see(here, failed("config"), 20);
    see(here, { ok: "unknown" }, 20);
    expect(here.view(openai)).toMatchObject({ state: "closed", errorRatio: 0 });
  });

  test("tries a failed vendor again by itself when its owner is away", async () => {
    world.losses.there = 1;
    see(here, failed(), 5);
    await world.pass(5_000, 50);
    expect(here.view(openai).state).toBe("half_open");
    expect(here.begin(openai)).toBe(true);
    expect(here.begin(openai)).toBe(false);
    here.report(openai, "k1", served);
    expect(here.begin(openai)).toBe(true);
    here.report(openai, "k1", served);
    expect(here.view(openai).state).toBe("closed");
  });
});

describe("all nodes together", () => {
  test("learn within a moment that a vendor fails elsewhere", async () => {
    there.view(openai);
    see(here, failed(), 5);
    await world.pass(600);
    expect(there.view(openai)).toMatchObject({ state: "open" });
    // One that has just begun learns it, too.
    const late = createVendorHealth(world.ports("n3"));
    late.view(openai);
    await world.pass(600);
    expect(late.view(openai)).toMatchObject({ state: "open" });
  });

  test("see together what none sees alone", async () => {
    for (let round = 0; round < 5; round += 1) {
      for (const node of [here, there]) {
        see(node, failed(), 3);
        see(node, served, 1);
      }
    }
    there.view(openai);
    expect([here.view(openai).state, there.view(openai).state]).toEqual(["open", "open"]);
    const { state, requests } = await world.host.ask(VENDOR, "openai", "view", null);
    expect([state, requests]).toEqual(["closed", 0]);
    await world.pass(300);
    expect(await world.host.ask(VENDOR, "openai", "view", null)).toMatchObject({ state: "open" });
  });

  test("set a key aside everywhere", async () => {
    there.view(openai);
    see(here, failed("key"), 1);
    await world.pass(600);
    expect(there.usableKeys(openai, keys)).toEqual([{ id: "k2" }]);
  });

  test("probe one request at a time, and close when two succeeded", async () => {
    there.view(openai);
    see(here, failed(), 5);
    await world.pass(6_000, 50);
    let probes = 0;
    const began: number[] = [];
    for (let ms = 0; ms < 5_000; ms += 50) {
      for (const node of [here, there]) {
        if (node.view(openai).state !== "half_open" || !node.begin(openai)) continue;
        probes += 1;
        began.push(world.clock.monotonic());
        node.report(openai, "k1", served);
      }
      await world.pass(50, 50);
    }
    expect(probes).toBe(2);
    expect([here.view(openai).state, there.view(openai).state]).toEqual(["closed", "closed"]);
  });

  test("wait longer when a probe fails", async () => {
    there.view(openai);
    see(here, failed(), 5);
    await world.pass(6_000, 50);
    let probes = 0;
    for (let ms = 0; ms < 9_000; ms += 50) {
      for (const node of [here, there]) {
        if (node.view(openai).state !== "half_open" || !node.begin(openai)) continue;
        probes += 1;
        node.report(openai, "k1", failed());
      }
      await world.pass(50, 50);
    }
    expect(probes).toBe(1);
  });

  test("grant another probe when one ended without a result", async () => {
    see(here, failed(), 5);
    await world.pass(6_000, 50);
    let probes = 0;
    for (let ms = 0; ms < 5_000; ms += 50) {
      if (here.view(openai).state === "half_open" && here.begin(openai)) {
        probes += 1;
        here.report(openai, "k1", probes === 1 ? { ok: "unknown" } : served);
      }
      await world.pass(50, 50);
    }
    expect(probes).toBe(3);
    expect(here.view(openai).state).toBe("closed");
  });

  test("are not held back for ever by an owner that forgot", async () => {
    see(here, failed(), 5);
    await world.pass(600);
    const nonsense = null as never;
    await world.host.ask(VENDOR, "openai", "report", nonsense).catch(() => {});
    await world.pass(6_000, 50);
    expect(here.view(openai).state).toBe("half_open");
    expect(here.begin(openai)).toBe(true);
  });
});
