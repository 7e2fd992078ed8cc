import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Bus } from "../../bus/bus.ts";
import { createInProcessBus } from "../../bus/in-process.ts";
import { createInProcessKeyValue } from "../../bus/in-process-key-value.ts";
import type { KeyValue } from "../../bus/key-value.ts";
import { packPayload } from "../../bus/payload.ts";
import { type NodeId, nodeId } from "../../core/ids.ts";
import { silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { seededRandom } from "../../core/random.ts";
import type { Placement } from "../placement.ts";
import { SHARDS } from "../shard.ts";
import { createMembership, type Membership } from "./membership.ts";
import { createShardLeases } from "./shard-leases.ts";

const AGE_MS = 10_000;
const [a, b, c] = [nodeId("a"), nodeId("b"), nodeId("c")];
let clock: ManualClock;
let bus: Bus;
let store: KeyValue;
let lives = 0;
const nodes = new Map<NodeId, TestNode>();

interface TestNode {
  readonly placement: Placement;
  readonly membership: Membership;
  readonly served: Set<number>;
  /** Cuts it off from everything; it does not know. */
  kill(): void;
}

beforeEach(() => {
  clock = new ManualClock();
  bus = createInProcessBus({ clock });
  store = createInProcessKeyValue(clock, AGE_MS);
});
afterEach(() => nodes.clear());

/** In steps, so that whatever was asked is answered in between. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await clock.advance(50);
    await Bun.sleep(0);
    check();
  }
}

/** At no time two nodes believe that they own one shard. */
function check(): void {
  for (let shard = 0; shard < SHARDS; shard += 1) {
    const owners = [...nodes].filter(([, { placement }]) => placement.owns(shard));
    if (owners.length > 1)
      throw new Error(`shard ${shard} is owned by ${owners.map(([name]) => name).join()}`);
  }
}

async function join(node: NodeId, troubled: KeyValue = store): Promise<TestNode> {
  lives += 1;
  let isCut = false;
  const cut = <Value>(run: () => Promise<Value>): Promise<Value> =>
    isCut ? Promise.reject(new Error("timeout")) : run();
  const reached: KeyValue = {
    ageMs: AGE_MS,
    create: (...ask) => cut(() => troubled.create(...ask)),
    update: (...ask) => cut(() => troubled.update(...ask)),
    delete: (...ask) => cut(() => troubled.delete(...ask)),
    watch: (onChange) => troubled.watch((key, entry) => isCut || onChange(key, entry)),
  };
  const membership = createMembership({ node, bus, clock });
  const random = seededRandom(lives);
  const placement = createShardLeases({ node, store: reached, membership, clock, random, log: silentLog });
  const served = new Set<number>();
  const joined: TestNode = {
    placement,
    membership,
    served,
    kill() {
      isCut = true;
      membership.close();
    },
  };
  nodes.set(node, joined);
  const starting = placement.start({
    acquired: (shard) => void served.add(shard),
    lost: (shard) => void served.delete(shard),
  });
  await pass(400);
  await starting;
  return joined;
}

const owned = ({ placement }: TestNode): number[] =>
  Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => placement.owns(shard));

describe("shards are leased", () => {
  test("the only node has all of them at once and keeps them", async () => {
    const first = await join(a);
    expect([owned(first).length, first.served.size]).toEqual([SHARDS, SHARDS]);
    await pass(60_000);
    expect([owned(first).length, first.served.size]).toEqual([SHARDS, SHARDS]);
    expect(first.placement.ownerOf(7)).toBe(a);
  });

  test("nodes that come get their share within seconds, and everybody knows the owners", async () => {
    const first = await join(a);
    const second = await join(b);
    const third = await join(c);
    await pass(6_000);
    const counts = [first, second, third].map((node) => owned(node).length);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(SHARDS);
    expect(Math.min(...counts)).toBeGreaterThan(25);
    for (const shard of owned(third)) expect(first.placement.ownerOf(shard)).toBe(c);
    for (const node of [first, second, third]) expect([...node.served].sort()).toEqual(owned(node).sort());
  });

  test("a node that stops leaves nothing behind", async () => {
    const first = await join(a);
    const second = await join(b);
    await pass(6_000);
    const stopping = second.placement.stop();
    await pass(600);
    await stopping;
    expect([owned(first).length, owned(second).length, second.served.size]).toEqual([SHARDS, 0, 0]);
  });

  test("a node that is cut off stops answering before another begins, within fifteen seconds", async () => {
    const first = await join(a);
    const second = await join(b);
    await pass(6_000);
    const lost = owned(second);
    second.kill();
    await pass(8_000);
    await pass(1_500);
    expect(owned(second)).toEqual([]);
    await pass(3_500);
    expect(owned(first)).toEqual(expect.arrayContaining(lost));
    expect(second.served.size).toBe(0);
  });

  test("a process started again under its name takes its shards over at once", async () => {
    const first = await join(a);
    first.kill();
    nodes.delete(a);
    const again = await join(a);
    await pass(600);
    expect(owned(again)).toHaveLength(SHARDS);
  });

  test("a process started again long after its past has ended takes its shards, too", async () => {
    const first = await join(a);
    first.kill();
    nodes.delete(a);
    await pass(9_500);
    // What it hears of its past is true, and over before it can be written over.
    let isOver = false;
    const slow: KeyValue = {
      ...store,
      update: async (...ask) => (isOver ? store.update(...ask) : undefined),
    };
    const again = await join(a, slow);
    isOver = true;
    await pass(3_000);
    expect(owned(again)).toHaveLength(SHARDS);
  });

  test("writes that happened without an answer are owned all the same", async () => {
    let trouble = 0;
    const ambiguous = async <Value>(run: () => Promise<Value>): Promise<Value> => {
      const done = await run();
      trouble += 1;
      if (trouble % 3 === 0) throw new Error("timeout");
      return done;
    };
    const troubled: KeyValue = {
      ...store,
      create: (...ask) => ambiguous(() => store.create(...ask)),
      update: (...ask) => ambiguous(() => store.update(...ask)),
    };
    const first = await join(a, troubled);
    await pass(1_000);
    let lost = 0;
    for (let second = 0; second < 60; second += 1) {
      await pass(1_000);
      lost += SHARDS - owned(first).length;
    }
    expect([trouble > 1_000, lost]).toEqual([true, 0]);
  });

  test("a value of another process that is newer than ours ends our ownership at once", async () => {
    const first = await join(a);
    const revisions = new Map<string, number>();
    store.watch((key, entry) => entry && revisions.set(key, entry.revision));
    await pass(50);
    await store.update("5", packPayload([b, "another", 1]), revisions.get("5") ?? 0);
    await pass(50);
    expect(first.placement.owns(5)).toBe(false);
    expect(first.placement.ownerOf(5)).toBe(b);
  });
});
