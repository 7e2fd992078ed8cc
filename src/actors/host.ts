import type { Bus, Subscription } from "../bus/bus.ts";
import { BusError } from "../bus/bus.ts";
import type { Cancel, Clock } from "../core/clock.ts";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import type { NodeId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { Cell, type CellStatus } from "./cell.ts";
import type { ActorDefinition, Ask, ProtocolOf } from "./definition.ts";
import { type Envelope, errorOf, LOST, MOVED, refusal } from "./envelope.ts";
import { ASK_TIMEOUT_MS, IDLE_ACTOR_MS, IDLE_SWEEP_MS, MAX_ACTORS } from "./limits.ts";
import type { Placement } from "./placement.ts";
import { shardOf } from "./shard.ts";
import { SHARDS_ACQUIRED, type ShardsAcquired } from "./subjects.ts";

/**
 * Where actors live. One host a node: it serves the shards that its placement owns and asks, through the bus,
 * whoever owns the others.
 *
 * @example
 * const host = createActorHost({ bus, clock, random, log, node, placement: createSingleNodePlacement(node),
 *   actors: [tenantActor(…), vendorActor(…)] });
 * await host.start();
 * await host.ask(TENANT, "acme", "refresh", {});
 * await host.stop(5_000);
 */
export interface ActorHost {
  start(): Promise<void>;
  readonly ask: Ask;
  /** The actors that live on this node, the busiest first, at most `most`. */
  snapshot(most?: number): ActorSnapshot;
  /** One actor, if it lives here. */
  find(kind: string, key: string): ActorView | undefined;
  /** Refuses new asks, waits for open ones until the deadline, then gives the shards away. Drain the leases first. */
  stop(deadlineMs: number): Promise<void>;
}

export interface ActorSnapshot {
  readonly total: number;
  readonly actors: readonly ActorView[];
}

export interface ActorView {
  readonly kind: string;
  readonly key: string;
  readonly shard: number;
  readonly node: NodeId;
  readonly status: CellStatus;
  /** Asks waiting or not answered yet. */
  readonly mailbox: number;
  readonly restarts: number;
  readonly quarantined: boolean;
  readonly lastError?: string;
  readonly summary: Readonly<Record<string, string | number | boolean>>;
}

/** A definition ready to be hosted; made by `defineActor`, which hides the types of its state and protocol. */
export interface HostedActor {
  readonly kind: string;
  readonly tickMs: number | undefined;
  open(...cell: CellArguments): HostedCell;
}
type CellArguments = [key: string, shard: number, ports: Cell<never, never>["ports"], leasesUntil: number];
type HostedCell = Pick<
  Cell<unknown, Record<string, { ask: unknown; reply: unknown }>>,
  | "ask"
  | "tick"
  | "canRest"
  | "end"
  | "mailbox"
  | "restarts"
  | "lastError"
  | "status"
  | "summary"
  | "key"
  | "shard"
>;

/** Makes a definition one that a host can run beside others of other types. */
export function defineActor<State, Protocol extends ProtocolOf<Protocol>>(
  definition: ActorDefinition<State, Protocol>,
): HostedActor {
  return {
    kind: definition.kind.name,
    tickMs: definition.tick?.everyMs,
    open: (key, shard, ports, leasesUntil) => new Cell(definition, key, shard, ports, leasesUntil),
  };
}

export interface ActorHostOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly node: NodeId;
  readonly placement: Placement;
  readonly actors: readonly HostedActor[];
}

export const createActorHost = (options: ActorHostOptions): ActorHost => new Host(options);

type Request = readonly [kind: string, key: string, command: string, ask: unknown];

const subjectOf = (shard: number): string => `actor.${shard}`;

class Host implements ActorHost {
  readonly #kinds = new Map<
    string,
    { readonly actor: HostedActor; readonly cells: Map<string, HostedCell> }
  >();
  readonly #served = new Map<number, { readonly subscription: Subscription; readonly leasesUntil: number }>();
  readonly #timers: Cancel[] = [];
  readonly #unannounced: number[] = [];
  #open = 0;
  #isStopping = false;
  #idle: (() => void) | undefined;

  constructor(readonly options: ActorHostOptions) {
    for (const actor of options.actors) this.#kinds.set(actor.kind, { actor, cells: new Map() });
  }

  async start(): Promise<void> {
    const { clock, placement } = this.options;
    for (const { actor, cells } of this.#kinds.values()) {
      if (actor.tickMs === undefined) continue;
      this.#timers.push(
        clock.every(actor.tickMs, () => {
          for (const cell of cells.values()) cell.tick();
        }),
      );
    }
    this.#timers.push(clock.every(IDLE_SWEEP_MS, () => this.#sweep()));
    await placement.start({
      acquired: (shard, leasesUntil) => this.#serve(shard, leasesUntil),
      lost: (shard) => this.#leave(shard),
    });
  }

  readonly ask: Ask = async (kind, key, command, ask, options) => {
    const subject = subjectOf(shardOf(kind.name, key));
    const request: Request = [kind.name, key, command, ask];
    const timeoutMs = options?.timeoutMs ?? ASK_TIMEOUT_MS;
    // Hosts answer nothing but envelopes on these subjects.
    const envelope = (await this.options.bus.request(subject, request, { timeoutMs })) as Envelope;
    if (envelope.ok === "moved")
      throw new BusError("no_responders", subject, "The shard is changing its owner.");
    // As if the answer had been lost on its way: it counts for nothing, what was done may count.
    if (envelope.ok === "lost")
      throw new BusError("timeout", subject, "The shard changed its owner before this was answered.");
    if (!envelope.ok) throw errorOf(envelope);
    return envelope.reply as never; // what the command of this kind answers, by its protocol
  };

  snapshot(most = 1_000): ActorSnapshot {
    const views: ActorView[] = [];
    for (const [kind, { cells }] of this.#kinds) {
      for (const cell of cells.values()) views.push(this.#view(kind, cell));
    }
    views.sort((a, b) => b.mailbox - a.mailbox || b.restarts - a.restarts || (a.key < b.key ? -1 : 1));
    return { total: views.length, actors: views.slice(0, most) };
  }

  find(kind: string, key: string): ActorView | undefined {
    const cell = this.#kinds.get(kind)?.cells.get(key);
    return cell === undefined ? undefined : this.#view(kind, cell);
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    for (const cancel of this.#timers.splice(0)) cancel();
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.options.clock.after(deadlineMs, resolve);
        this.#idle = () => {
          cancel();
          resolve();
        };
      });
    }
    for (const shard of [...this.#served.keys()]) this.#leave(shard);
    await this.options.placement.stop();
  }

  #serve(shard: number, leasesUntil: number): void {
    // Owned before, and in between perhaps by another: what was loaded then is not to be trusted.
    if (this.#served.has(shard)) this.#leave(shard);
    const subscription = this.options.bus.serve(subjectOf(shard), (payload) => this.#answer(shard, payload));
    this.#served.set(shard, { subscription, leasesUntil });
    if (leasesUntil > 0) this.#announce(shard);
  }

  /** Tells holders of a former owner's leases; shards that come together are told together. */
  #announce(shard: number): void {
    this.#unannounced.push(shard);
    if (this.#unannounced.length > 1) return;
    this.options.clock.soon(() => {
      const told: ShardsAcquired = { shards: this.#unannounced.splice(0) };
      this.options.bus.publish(SHARDS_ACQUIRED, told);
    });
  }

  #leave(shard: number): void {
    this.#served.get(shard)?.subscription.close();
    this.#served.delete(shard);
    const moved = new SluiceError("overloaded", "The shard is changing its owner.", { retryAfterMs: 100 });
    for (const { cells } of this.#kinds.values()) {
      for (const [key, cell] of cells) {
        if (cell.shard !== shard) continue;
        cells.delete(key);
        cell.end(moved);
      }
    }
  }

  async #answer(shard: number, payload: unknown): Promise<Envelope> {
    const { placement } = this.options;
    if (!placement.owns(shard)) return MOVED;
    this.#open += 1;
    try {
      const [kind, key, command, ask] = payload as Request; // only hosts ask on these subjects
      const reply = await this.#cell(kind, key, shard).ask(command, ask);
      return placement.owns(shard) ? { ok: true, reply } : LOST;
    } catch (thrown) {
      return placement.owns(shard) ? refusal(asSluiceError(thrown)) : LOST;
    } finally {
      this.#open -= 1;
      if (this.#open === 0) this.#idle?.();
    }
  }

  #cell(kind: string, key: string, shard: number): HostedCell {
    if (this.#isStopping)
      throw new SluiceError("overloaded", "The node is stopping.", { retryAfterMs: 1_000 });
    const hosted = this.#kinds.get(kind);
    if (hosted === undefined) throw new SluiceError("internal_error", `There is no actor of kind '${kind}'.`);
    const known = hosted.cells.get(key);
    if (known !== undefined) return known;
    if (this.#count() >= MAX_ACTORS)
      throw new SluiceError("overloaded", "Too many actors live on this node.");
    const { bus, clock, random, log, node } = this.options;
    const publish = (subject: string, message: unknown) => bus.publish(subject, message);
    const leasesUntil = this.#served.get(shard)?.leasesUntil ?? 0;
    const cell = hosted.actor.open(key, shard, { clock, random, log, node, publish }, leasesUntil);
    hosted.cells.set(key, cell);
    return cell;
  }

  #sweep(): void {
    for (const { cells } of this.#kinds.values()) {
      for (const [key, cell] of cells) {
        if (!cell.canRest(IDLE_ACTOR_MS)) continue;
        cells.delete(key);
        cell.end(new SluiceError("overloaded", "The actor was set to rest."));
      }
    }
  }

  #count(): number {
    let count = 0;
    for (const { cells } of this.#kinds.values()) count += cells.size;
    return count;
  }

  #view(kind: string, cell: HostedCell): ActorView {
    const { key, shard, status, mailbox, restarts, lastError, summary } = cell;
    const view = { kind, key, shard, node: this.options.node, status, mailbox, restarts, summary };
    const quarantined = status === "quarantined";
    return lastError === undefined ? { ...view, quarantined } : { ...view, quarantined, lastError };
  }
}
