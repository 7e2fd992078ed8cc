import type { Clock } from "../core/clock.ts";
import type { NodeId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import type { Answer, Pending } from "./pending.ts";

/**
 * An actor is written as a plain object that owns some state:
 *
 * @example
 * const COUNTER = actorKind<{ add: { ask: number; reply: number } }>("counter");
 * const counter = defineActor<{ sum: number }, Protocol>({
 *   kind: COUNTER,
 *   load: async () => ({ sum: 0 }),
 *   commands: { add: (state, amount) => (state.sum += amount) },
 * });
 *
 * Commands run one at a time and to their end. What takes time is an effect: it starts after the command has
 * changed the state, other commands run meanwhile, and its completion comes back as a turn of its own.
 * A thrown SluiceError is an answer (throw it before changing the state); anything else thrown is a defect:
 * the actor restarts from `load`.
 */
export interface ActorDefinition<State, Protocol extends ProtocolOf<Protocol>> {
  readonly kind: ActorKind<Protocol>;
  /** The state to start from. A SluiceError is answered to whoever asked; anything else is tried again. */
  load(key: string, context: LoadContext): Promise<State>;
  readonly commands: {
    readonly [Name in keyof Protocol]: (
      state: State,
      ask: Protocol[Name]["ask"],
      context: Turn<State>,
    ) => Answer<Protocol[Name]["reply"]>;
  };
  /** Runs while the actor is loaded; does not keep it from being idle. */
  readonly tick?: { readonly everyMs: number; run(state: State, context: Turn<State>): void };
  /** False while the state must not be dropped although nobody asks; absent: it may. */
  canRest?(state: State, monotonicNow: number): boolean;
  /** A few plain values for `GET /admin/v1/actors`. */
  summary?(state: State, monotonicNow: number): Readonly<Record<string, string | number | boolean>>;
}

/** What a kind of actor can be asked: for each command what it takes and what it answers. */
export type ProtocolOf<Protocol> = { [Name in keyof Protocol]: { ask: unknown; reply: unknown } };

/** The name of a kind of actor; the type carries its protocol. */
export interface ActorKind<Protocol> {
  readonly name: string;
  /** Never set: only there for the type. */
  readonly protocol?: Protocol;
}

export const actorKind = <Protocol extends ProtocolOf<Protocol>>(name: string): ActorKind<Protocol> => ({
  name,
});

export interface LoadContext {
  readonly node: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /**
   * Monotonic time until which a lease granted by an earlier life of this actor, here or elsewhere, may still
   * be held. Zero when there can be none.
   */
  readonly leasesUntil: number;
}

/** What a command may use besides its state and its argument. */
export interface Turn<State> extends LoadContext {
  readonly key: string;
  /** Monotonic milliseconds, the same throughout one turn. */
  readonly now: number;
  /** Work that takes time. Starts when this turn has ended without an error. Return it to answer with its end. */
  effect<Value, Reply>(run: () => Promise<Value>, ends: EffectEnds<State, Value, Reply>): Pending<Reply>;
  /** An answer that a later turn gives. Counts against the mailbox; refused when the actor restarts. */
  later<Reply>(): Pending<Reply>;
  /** Tells whoever subscribes to the subject, after this turn has ended without an error. */
  publish(subject: string, payload: unknown): void;
}

export interface EffectEnds<State, Value, Reply> {
  done(state: State, value: Value, context: Turn<State>): Answer<Reply>;
  /** Absent: the error is the answer. */
  failed?(state: State, thrown: unknown, context: Turn<State>): Answer<Reply>;
}

/** Asks an actor, wherever it lives. Rejects with the SluiceError it answered, or BusError when no answer came: then it may or may not have happened. */
export type Ask = <Protocol extends ProtocolOf<Protocol>, Name extends keyof Protocol & string>(
  kind: ActorKind<Protocol>,
  key: string,
  command: Name,
  ask: Protocol[Name]["ask"],
  options?: { readonly timeoutMs?: number },
) => Promise<Protocol[Name]["reply"]>;
