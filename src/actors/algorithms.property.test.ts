import { describe, expect, test } from "bun:test";
import type { Algorithm } from "../core/algorithms.ts";
import { tenantId } from "../core/ids.ts";
import { type Random, seededRandom } from "../core/random.ts";
import type { Capacity, RateDenied, RateLeases, RateScope, RateTaken } from "./leases/leases.ts";
import { createRateLeases } from "./leases/rate-leases.ts";
import { TenantPath } from "./leases/tenant-path.ts";
import { limitActor } from "./limit.ts";
import { tenantActor } from "./tenant.ts";
import { createLeaseWorld, type LeaseWorld } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";

/** Limits split among nodes, against what one central counter would admit. */

const acme: RateScope = { kind: "tenant", tenant: tenantId("acme") };

const createWorld = (seed: number): Promise<LeaseWorld> =>
  createLeaseWorld(({ clock, random }) => [tenantActor(new ModelLedger(clock, random)), limitActor()], seed);

interface Node {
  rates: RateLeases;
  isCutOff: boolean;
}

class Cluster {
  readonly nodes: Node[] = [];
  /** When requests went through, in the order in which they did. */
  readonly admittedAt: number[] = [];
  readonly perNode = new Map<Node, number>();
  denied = 0;
  #named = 0;

  constructor(
    readonly world: LeaseWorld,
    readonly limit: Capacity,
    readonly scope: RateScope = acme,
  ) {}

  join(): Node {
    this.#named += 1;
    const ports = this.world.ports(`n${this.#named}`);
    const node: Node = { rates: createRateLeases(ports), isCutOff: false };
    node.rates = createRateLeases({
      ...ports,
      ask: (...asked) => (node.isCutOff ? Promise.reject(new Error("cut off")) : ports.ask(...asked)),
    });
    this.nodes.push(node);
    return node;
  }

  kill(random: Random): void {
    const [node] = this.nodes.splice(Math.floor(random.next() * this.nodes.length), 1);
    if (node !== undefined) node.isCutOff = true;
  }

  request(node: Node): void {
    const count = (result: RateTaken | RateDenied): void => {
      if (!result.ok) {
        this.denied += 1;
        return;
      }
      this.admittedAt.push(this.world.clock.monotonic());
      this.perNode.set(node, (this.perNode.get(node) ?? 0) + 1);
      result.release();
    };
    const refuse = (): void => {
      this.denied += 1;
    };
    try {
      const taken = node.rates.take(this.scope, this.limit);
      if (taken instanceof Promise) taken.then(count, refuse);
      else count(taken);
    } catch {
      refuse();
    }
  }

  /** Requests that every node makes a second, evenly; `stepMs` apart. */
  async run(ms: number, perSecond: (node: number) => number, stepMs = 10): Promise<void> {
    const owed = this.nodes.map((_, index) => index / this.nodes.length);
    for (let passed = 0; passed < ms; passed += stepMs) {
      for (const [index, node] of this.nodes.entries()) {
        owed[index] = (owed[index] ?? 0) + (perSecond(index) * stepMs) / 1_000;
        for (; (owed[index] ?? 0) >= 1; owed[index] = (owed[index] ?? 0) - 1) this.request(node);
      }
      await this.world.pass(stepMs, stepMs);
    }
  }

  admittedSince(from: number): number {
    return this.admittedAt.filter((at) => at >= from).length;
  }

  /** The most in any window of so many milliseconds, its end not included. */
  mostIn(windowMs: number): number {
    let most = 0;
    let first = 0;
    for (const [index, at] of this.admittedAt.entries()) {
      while (at - (this.admittedAt[first] ?? 0) >= windowMs) first += 1;
      most = Math.max(most, index - first + 1);
    }
    return most;
  }

  /** The most that any window of w seconds held beyond rate · w. */
  mostBeyond(qps: number): number {
    let worst = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [index, at] of this.admittedAt.entries()) {
      least = Math.min(least, index - (qps * at) / 1_000);
      worst = Math.max(worst, index + 1 - (qps * at) / 1_000 - least);
    }
    return worst;
  }
}

const ALL: readonly Algorithm[] = ["token-bucket", "sliding-window", "leaky-bucket"];

describe.each(ALL)("three nodes under a limit of 100 a second that counts as a %s", (algorithm) => {
  const limit: Capacity = { qps: 100, algorithm, ...(algorithm === "leaky-bucket" ? { burst: 20 } : {}) };

  test("admit 100 a second together, however unevenly more is asked of them, also when that shifts", async () => {
    const cluster = new Cluster(await createWorld(1), limit);
    for (let node = 0; node < 3; node += 1) cluster.join();
    const { clock } = cluster.world;
    const loads = [
      [200, 100, 50],
      [10, 150, 90],
      [300, 5, 5],
      [80, 80, 80],
    ];
    for (const load of loads) {
      // The way over to another load is not the steady state.
      await cluster.run(20_000, (node) => load[node] ?? 0);
      const from = clock.monotonic();
      await cluster.run(10_000, (node) => load[node] ?? 0);
      expect(Math.abs(cluster.admittedSince(from) / 10 - 100)).toBeLessThanOrEqual(1);
    }
  }, 30_000);

  test("deny nobody while less than that is asked, however unevenly", async () => {
    const cluster = new Cluster(await createWorld(2), limit);
    for (let node = 0; node < 3; node += 1) cluster.join();
    for (const load of [
      [60, 20, 10],
      [5, 5, 80],
      [30, 30, 30],
    ]) {
      await cluster.run(20_000, (node) => load[node] ?? 0);
      const before = cluster.denied;
      await cluster.run(10_000, (node) => load[node] ?? 0);
      expect(cluster.denied - before).toBe(0);
    }
  }, 30_000);
});

/** How nodes come, go, die and are cut off, and messages are lost. */
async function disturb(cluster: Cluster, random: Random, steps: number): Promise<void> {
  const { world } = cluster;
  cluster.join();
  for (let step = 0; step < steps; step += 1) {
    const dice = random.next();
    if (dice < 0.002 && cluster.nodes.length < 5) cluster.join();
    else if (dice < 0.003 && cluster.nodes.length > 1) cluster.kill(random);
    else if (dice < 0.006) for (const node of cluster.nodes) node.isCutOff = random.next() < 0.2;
    world.losses.there = step % 1_000 > 800 ? 0.2 : 0;
    world.losses.back = step % 1_000 > 800 ? 0.2 : 0;
    const requests = step % 700 < 100 ? 0 : Math.floor(random.next() * 5);
    for (let request = 0; request < requests; request += 1) {
      const node = cluster.nodes[Math.floor(random.next() * cluster.nodes.length)];
      if (node !== undefined) cluster.request(node);
    }
    await world.pass(20, 20);
  }
}

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed);

test.each(SEEDS)(
  "however nodes come and go, no window of a sliding window holds more than its burst (seed %p)",
  async (seed) => {
    const random = seededRandom(seed + 700);
    const qps = 2 + Math.floor(random.next() * 60);
    const burst = seed % 3 === 0 ? undefined : 1 + Math.floor(random.next() * 3 * qps);
    const limit: Capacity = { qps, algorithm: "sliding-window", ...(burst === undefined ? {} : { burst }) };
    const cluster = new Cluster(await createWorld(seed), limit);
    await disturb(cluster, random, 4_000);
    const size = burst ?? qps;
    expect(cluster.admittedAt.length).toBeGreaterThan(size);
    // Too small for five nodes: its owner hands out single tokens, which are used a message's way later.
    const wayMs = size < 5 ? 20 : 0;
    expect(cluster.mostIn((size * 1_000) / qps - wayMs)).toBeLessThanOrEqual(size);
  },
  30_000,
);

test.each(SEEDS.slice(0, 6))(
  "however nodes come and go, a leaky bucket lets out its rate and one for each node (seed %p)",
  async (seed) => {
    const random = seededRandom(seed + 900);
    const qps = 5 + Math.floor(random.next() * 60);
    const limit: Capacity = { qps, burst: 10, algorithm: "leaky-bucket" };
    const cluster = new Cluster(await createWorld(seed), limit);
    await disturb(cluster, random, 4_000);
    expect(cluster.admittedAt.length).toBeGreaterThan(100);
    // At most five nodes at once; what is admitted is noted in steps of 20 ms.
    expect(cluster.mostBeyond(qps)).toBeLessThanOrEqual(5 + qps * 0.02 + 1);
  },
  30_000,
);

test("two that count by themselves are found out", async () => {
  const limit: Capacity = { qps: 50, algorithm: "sliding-window" };
  const cluster = new Cluster(await createWorld(3), limit);
  cluster.nodes.push({ rates: createRateLeases((await createWorld(4)).ports("alone")), isCutOff: false });
  cluster.join();
  await cluster.run(5_000, () => 100);
  await cluster.nodes[0]?.rates.drain(0);
  expect(cluster.mostIn(1_000)).toBeGreaterThan(50);
});

test("in a steady state few asks go to the owner: five for a thousand requests", async () => {
  const cluster = new Cluster(await createWorld(5), { qps: 500, algorithm: "sliding-window" });
  for (let node = 0; node < 3; node += 1) cluster.join();
  const load = (node: number): number => [100, 60, 40][node] ?? 0;
  await cluster.run(10_000, load);
  const { asks } = cluster.world.counts;
  const from = cluster.world.clock.monotonic();
  await cluster.run(30_000, load);
  const requests = cluster.admittedSince(from);
  expect(requests).toBeGreaterThan(5_900);
  expect((cluster.world.counts.asks - asks) / (requests / 1_000)).toBeLessThanOrEqual(5);
}, 30_000);

test("a thousand an hour is a thousand in any hour, also when it is given back in between", async () => {
  const limit: Capacity = { qps: 1_000 / 3_600, burst: 1_000, algorithm: "sliding-window" };
  const path = new TenantPath(tenantId("acme"), "/api/v1/chat");
  const cluster = new Cluster(await createWorld(6), limit, path);
  const [one, other] = [cluster.join(), cluster.join()];
  const { clock } = cluster.world;
  for (let minute = 0; minute < 130; minute += 1) {
    // Two minutes of load, then more than a lease of silence.
    const isLoad = minute % 4 < 2;
    for (let second = 0; second < 60; second += 5) {
      if (isLoad) for (let count = 0; count < 20; count += 1) cluster.request(minute % 8 < 4 ? one : other);
      await cluster.world.pass(5_000, 1_000);
    }
  }
  expect(cluster.mostIn(3_600_000)).toBe(1_000);
  expect(cluster.admittedSince(clock.monotonic() - 3_600_000)).toBeGreaterThan(980);
}, 60_000);
