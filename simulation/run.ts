import { SHARDS } from "../src/actors/shard.ts";
import { createInProcessKeyValue } from "../src/bus/in-process-key-value.ts";
import { createInProcessMessageLog, type InProcessMessageLog } from "../src/bus/in-process-message-log.ts";
import type { KeyValue } from "../src/bus/key-value.ts";
import { SluiceError } from "../src/core/errors.ts";
import { type NodeId, nodeId } from "../src/core/ids.ts";
import { seededRandom } from "../src/core/random.ts";
import { type BugName, type Bugs, plant } from "./bugs.ts";
import { Chance, NO_FAULTS } from "./chance.ts";
import { Disk } from "./disk.ts";
import { Ledger } from "./ledger.ts";
import { Network } from "./network.ts";
import { SHARD_AGE_MS, type SimulatedNode, type Surroundings, startNode } from "./node.ts";
import { Process } from "./process.ts";
import { CHAOS_MS, NODES, type Scenario, type Trouble } from "./scenario.ts";
import { VirtualTime } from "./virtual-time.ts";

/** What is wrong, or undefined when every invariant held. */
export interface Outcome {
  readonly fault: string | undefined;
  /** Virtual milliseconds at which it was noticed. */
  readonly at: number;
  readonly served: number;
  readonly refused: number;
}

const TENANTS = ["ada", "bob", "eve"];
const STEP_MS = 50;
/** Who owns what changes slowly, and is dear to look at. */
const OWNERS_MS = 200;
/** Everything is healed by then: shards have owners, spools are in the ledger, idle purses are given back. */
const QUIET_MS = 14_000;
/** A dead owner's shards pass on after 11 s; what it left in the log comes to the next one up to 7 s later. */
const DEAD_MS = 20_000;
/** Nobody tells owners here of a top-up: what they believe of a balance may be a second old. */
const UNTOLD_MS = 1_500;
/** What was settled is booked. */
const BOOKED_MS = 1_000;
/** A request waits for a recall and a grant, no longer. */
const PATIENCE_MS = 6_000;
const MOST_HOLD = 120;
const LEAST_HOLD = 40;
const RESTART_MS = 500;

/** Runs a scenario to its end, or to the first thing that is wrong. */
export async function simulate(scenario: Scenario, bug?: BugName): Promise<Outcome> {
  return new Simulation(scenario, plant(bug)).run();
}

/** Ids are written such that they can be seen in any bytes: whatever the form of a message is, and at little cost. */
const idsIn = (message: Uint8Array): readonly string[] =>
  Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    .toString("latin1")
    .match(/<r\d+>/g) ?? [];

interface Place {
  readonly name: NodeId;
  readonly disk: Disk;
  process: Process;
  node: SimulatedNode | undefined;
  /** It shall not run at the moment. */
  isDown: boolean;
}

class Simulation {
  readonly time = new VirtualTime();
  readonly chance: Chance;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly messages: InProcessMessageLog;
  readonly places: readonly Place[];
  readonly around: Surroundings;
  /** What clients were told, by request. */
  readonly answered = new Map<string, bigint>();
  readonly asked = new Set<string>();
  /** Usage that the log has taken, and has not lost since. */
  readonly logged = new Set<string>();
  /** Any usage was ever seen in the log. */
  hasLogged = false;
  served = 0;
  refused = 0;
  fault: string | undefined;
  isOver = false;

  constructor(
    readonly scenario: Scenario,
    bugs: Bugs,
  ) {
    this.chance = new Chance(this.time, seededRandom(scenario.seed * 7 + 1));
    this.network = new Network(this.chance, (subject) => bugs.swallows(subject));
    this.ledger = new Ledger(this.chance);
    this.messages = this.watched(createInProcessMessageLog(this.time));
    const store: KeyValue = createInProcessKeyValue(this.time, SHARD_AGE_MS);
    const { chance, network, ledger, messages } = this;
    this.around = {
      chance,
      network,
      ledger,
      store,
      messages,
      bugs,
      acknowledged: (id, charged) => {
        if (this.answered.has(id)) this.fail(`request ${id} was answered twice`);
        this.answered.set(id, charged);
        this.served += 1;
      },
    };
    this.places = Array.from({ length: NODES }, (_, index) => ({
      name: nodeId(`n${index + 1}`),
      disk: new Disk(this.time, this.chance.random),
      process: new Process(this.time),
      node: undefined,
      isDown: false,
    }));
  }

  async run(): Promise<Outcome> {
    for (const tenant of TENANTS) this.ledger.topUp(tenant, BigInt(2_000 + this.chance.below(20_000)));
    for (const place of this.places) void this.keepUp(place);
    await this.pass(1_500);
    this.chance.faults = { ...this.scenario.faults };
    for (const trouble of this.scenario.troubles)
      this.time.after(trouble.at, () => void this.commit(trouble));
    const load = this.time.every(25, () => this.load());
    await this.pass(CHAOS_MS);
    load();
    this.chance.faults = { ...NO_FAULTS };
    await this.end();
    this.isOver = true;
    return { fault: this.fault, at: this.time.monotonic(), served: this.served, refused: this.refused };
  }

  /** Time goes on, and what must always hold is looked at. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms && this.fault === undefined; passed += STEP_MS) {
      await this.time.pass(STEP_MS);
      this.check();
    }
  }

  fail(fault: string): void {
    this.fault ??= fault;
  }

  check(): void {
    const wrong = this.ledger.fault();
    if (wrong !== undefined) this.fail(wrong);
    if (this.time.monotonic() % OWNERS_MS === 0) this.checkOwners();
  }

  checkOwners(): void {
    for (let shard = 0; shard < SHARDS; shard += 1) {
      let owners = 0;
      for (const { node, process } of this.places) {
        if (!process.isDead && node?.placement.owns(shard) === true) owners += 1;
      }
      if (owners > 1) this.fail(`shard ${shard} has ${owners} owners`);
    }
  }

  /** One request of a client, now and then, at any node. */
  load(): void {
    const { chance } = this;
    const place = this.places[chance.below(NODES)];
    const tenant = TENANTS[chance.below(TENANTS.length)] ?? "ada";
    if (chance.happens(0.002)) this.ledger.topUp(tenant, BigInt(chance.below(2_000) + 1));
    if (place?.node === undefined || !place.process.isRunning) return;
    void this.request(place, tenant, BigInt(LEAST_HOLD + chance.below(MOST_HOLD - LEAST_HOLD)));
  }

  async request(place: Place, tenant: string, amount: bigint): Promise<"served" | string> {
    const { chance } = this;
    const id = `<r${this.asked.size + 1}>`;
    this.asked.add(id);
    const cost = BigInt(chance.below(Number(amount)) + 1);
    try {
      await place.node?.request(id, tenant, amount, cost, chance.between(5, 400));
      return "served";
    } catch (thrown) {
      this.refused += 1;
      return thrown instanceof SluiceError ? thrown.code : String(thrown);
    }
  }

  /** As whoever watches over processes does: one that ended is started again. */
  async keepUp(place: Place): Promise<void> {
    for (; !this.isOver; ) {
      if (place.isDown) return;
      const process = new Process(this.time);
      place.process = process;
      try {
        const node = await startNode(this.around, place.name, process, place.disk);
        if (place.process === process) place.node = node;
        return;
      } catch {
        process.kill();
        this.network.forget(process);
        await this.later(RESTART_MS);
      }
    }
  }

  later(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.after(ms, resolve));
  }

  stop(place: Place): void {
    place.isDown = true;
    place.node = undefined;
    place.process.kill();
    this.network.forget(place.process);
  }

  start(place: Place): void {
    if (!place.isDown) return;
    place.isDown = false;
    void this.keepUp(place);
  }

  async commit(trouble: Trouble): Promise<void> {
    const { network, ledger, time } = this;
    const place = "node" in trouble ? this.places[trouble.node] : undefined;
    if (place === undefined) {
      if (trouble.kind === "the log is lost") {
        this.messages.lose();
        this.logged.clear();
      } else if (trouble.kind === "NATS stalls") network.stalledUntil = time.monotonic() + trouble.for;
      else ledger.isDown = true;
    } else if (trouble.kind === "pause") place.process.pause();
    else if (trouble.kind === "cut from NATS") network.cutOff.add(place.name);
    else if (trouble.kind === "cut from Postgres") ledger.cutOff.add(place.name);
    else if (place.node !== undefined) {
      this.stop(place);
      if (trouble.kind === "fail power") place.disk.failPower();
    }
    await this.later(trouble.for);
    if (trouble.kind === "Postgres down") ledger.isDown = false;
    if (place === undefined) return;
    if (trouble.kind === "pause") place.process.resume();
    else if (trouble.kind === "cut from NATS") network.cutOff.delete(place.name);
    else if (trouble.kind === "cut from Postgres") ledger.cutOff.delete(place.name);
    else this.start(place);
  }

  /** Everything is healed but one node, which stays dead for a while; then that, too; then all must be right. */
  async end(): Promise<void> {
    const { network, ledger } = this;
    await this.pass(1_000);
    network.cutOff.clear();
    ledger.cutOff.clear();
    ledger.isDown = false;
    for (const place of this.places) place.process.resume();
    const [dead] = this.places;
    if (dead?.node !== undefined) this.stop(dead);
    for (const place of this.places) if (place !== dead) this.start(place);
    await this.pass(DEAD_MS);
    for (const id of this.logged) {
      if (!ledger.usage.has(id) && !ledger.early.has(id))
        this.fail(`${id} is in the log and was never booked: its node is dead`);
    }
    if (this.served > 0 && !this.hasLogged) this.fail("no usage was ever seen in the log");
    if (dead !== undefined) this.start(dead);
    await this.pass(QUIET_MS);
    this.checkBooks();
    await this.checkService();
  }

  checkBooks(): void {
    const { usage, purses } = this.ledger;
    for (const [id, charged] of this.answered) {
      const booked = usage.get(id);
      if (booked === undefined) this.fail(`${id} was answered and is not in the ledger`);
      else if (booked.charged !== charged)
        this.fail(`${id} was charged ${charged} and booked with ${booked.charged}`);
    }
    for (const id of usage.keys())
      if (!this.asked.has(id)) this.fail(`${id} was booked, and nobody asked for it`);
    for (const { name, node } of this.places) {
      if (node === undefined) {
        this.fail(`${name} does not come up any more`);
        continue;
      }
      const { lag } = node.shipper;
      if (lag > 0) this.fail(`${lag} records of ${name} never reach the ledger`);
      const views = node.purses.purses();
      for (const [purse, balance] of purses) {
        const [tenant = "", whose] = purse.split("/");
        if (whose !== name) continue;
        const view = [...views].find(([id]) => id === tenant)?.[1];
        const believed = view === undefined ? 0n : view.available + view.held + view.unsettled;
        if (believed !== balance) this.fail(`${name} has ${believed} of ${tenant}, the ledger ${balance}`);
        if (view !== undefined && view.held > 0n) this.fail(`${name} holds points of ${tenant} for nobody`);
      }
    }
  }

  /** With everything well, what a tenant has is there for it on every node, wherever its points are. */
  async checkService(): Promise<void> {
    for (const [index, tenant] of TENANTS.entries()) {
      this.ledger.topUp(tenant, 1_000n);
      await this.pass(UNTOLD_MS);
      await this.expectServed(index % NODES, tenant, 100n);
      await this.pass(BOOKED_MS);
      const left = this.leftOf(tenant);
      await this.expectServed((index + 1) % NODES, tenant, left);
    }
    await this.pass(3_000);
  }

  async expectServed(index: number, tenant: string, amount: bigint): Promise<void> {
    const place = this.places[index];
    if (place === undefined || this.fault !== undefined) return;
    const asking = this.request(place, tenant, amount);
    let result = "no answer";
    void asking.then((got) => {
      result = got;
    });
    for (let waited = 0; waited < PATIENCE_MS && result === "no answer"; waited += STEP_MS)
      await this.pass(STEP_MS);
    if (result !== "served")
      this.fail(`${place.name} refuses ${amount} to ${tenant}, who has ${this.leftOf(tenant)}: ${result}`);
  }

  /** In the tenant's account and all purses, what is charged and not booked yet left out. */
  leftOf(tenant: string): bigint {
    let left = this.ledger.available.get(tenant) ?? 0n;
    for (const [purse, balance] of this.ledger.purses) if (purse.startsWith(`${tenant}/`)) left += balance;
    for (const { node } of this.places) {
      for (const [id, { unsettled }] of node?.purses.purses() ?? []) if (id === tenant) left -= unsettled;
    }
    return left;
  }

  /** The log, with a look at what it takes. */
  watched(log: InProcessMessageLog): InProcessMessageLog {
    return {
      ...log,
      maxBytes: log.maxBytes,
      append: async (subject, message) => {
        await log.append(subject, message);
        for (const id of idsIn(message)) {
          this.logged.add(id);
          this.hasLogged = true;
        }
      },
    };
  }
}
