import { asSluiceError, SluiceError } from "../core/errors.ts";
import { MAILBOX_LENGTH } from "../core/limits.ts";
import { CrashRecord } from "./crash-record.ts";
import type { ActorDefinition, EffectEnds, LoadContext, ProtocolOf, Turn } from "./definition.ts";
import { LEASE_MS, QUARANTINE_MS } from "./limits.ts";
import { type Answer, Pending } from "./pending.ts";

/** The world of one actor. */
export interface CellPorts extends Omit<LoadContext, "leasesUntil"> {
  publish(subject: string, payload: unknown): void;
}

export type CellStatus = "unloaded" | "loading" | "ready" | "quarantined";

interface Letter {
  readonly command: string;
  readonly ask: unknown;
  readonly reply: Pending<unknown>;
}

interface Refusable {
  readonly promise: Promise<unknown>;
  refuse(error: SluiceError): void;
}

/** One living actor: its state, its mailbox, its restarts. */
export class Cell<State, Protocol extends ProtocolOf<Protocol>> {
  readonly #waiting: Letter[] = [];
  /** Effects that run and answers left for later. */
  readonly #open = new Set<Refusable>();
  /** Asks handed to the actor, not answered yet. */
  #unanswered = 0;
  readonly #crashes: CrashRecord;
  #loaded: { readonly state: State } | undefined;
  #isLoading = false;
  /** Completions that belong to an earlier life are dropped. */
  #life = 0;
  #lastAskedAt: number;
  #leasesUntil: number;

  constructor(
    readonly definition: ActorDefinition<State, Protocol>,
    readonly key: string,
    readonly shard: number,
    readonly ports: CellPorts,
    leasesUntil: number,
  ) {
    this.#crashes = new CrashRecord(ports.clock);
    this.#leasesUntil = leasesUntil;
    this.#lastAskedAt = ports.clock.monotonic();
  }

  get mailbox(): number {
    return this.#waiting.length + this.#unanswered;
  }

  get restarts(): number {
    return this.#crashes.total;
  }

  get lastError(): string | undefined {
    return this.#crashes.lastError;
  }

  get status(): CellStatus {
    if (this.#crashes.quarantinedForMs > 0) return "quarantined";
    if (this.#loaded !== undefined) return "ready";
    return this.#isLoading ? "loading" : "unloaded";
  }

  get summary(): Readonly<Record<string, string | number | boolean>> {
    if (this.#loaded === undefined) return {};
    return this.definition.summary?.(this.#loaded.state, this.ports.clock.monotonic()) ?? {};
  }

  /** Resolves with the actor's reply; rejects with SluiceError. */
  ask(command: string, ask: unknown): Promise<unknown> {
    const refused = this.#refusal(command);
    if (refused !== undefined) return Promise.reject(refused);
    this.#lastAskedAt = this.ports.clock.monotonic();
    const reply = new Pending<unknown>();
    this.#waiting.push({ command, ask, reply });
    this.#drain();
    return reply.promise;
  }

  tick(): void {
    const { tick } = this.definition;
    if (tick === undefined || this.#loaded === undefined) return;
    this.#turn(this.#loaded.state, (state, context) => tick.run(state, context));
  }

  /** True when nothing would be lost by forgetting this actor. */
  canRest(idleMs: number): boolean {
    const now = this.ports.clock.monotonic();
    if (this.mailbox > 0 || this.#open.size > 0 || this.#isLoading) return false;
    if (now - this.#lastAskedAt < idleMs) return false;
    if (!this.#crashes.isForgotten || now < this.#leasesUntil) return false;
    if (this.#loaded === undefined) return true;
    return this.definition.canRest?.(this.#loaded.state, now) ?? true;
  }

  /** Ends this life: whoever waits is refused. */
  end(error: SluiceError): void {
    this.#isLoading = false;
    this.#drop(error);
    this.#refuseWaiting(error);
  }

  #refusal(command: string): SluiceError | undefined {
    if (!Object.hasOwn(this.definition.commands, command)) {
      return new SluiceError(
        "internal_error",
        `The actor '${this.definition.kind.name}' has no '${command}'.`,
      );
    }
    if (this.mailbox >= MAILBOX_LENGTH) return this.#overloaded("has too many requests waiting", 1_000);
    const restMs = this.#crashes.quarantinedForMs;
    if (restMs > 0) return this.#overloaded("rests after repeated failures", restMs);
    const pauseMs = this.#crashes.loadPauseMs;
    if (pauseMs > 0) return this.#overloaded("could not be loaded", pauseMs);
    return undefined;
  }

  #overloaded(why: string, retryAfterMs: number): SluiceError {
    return new SluiceError("overloaded", `The actor '${this.definition.kind.name}' ${why}.`, {
      retryAfterMs: Math.ceil(retryAfterMs),
    });
  }

  #drain(): void {
    for (;;) {
      if (this.#waiting.length === 0) return;
      if (this.#loaded === undefined) {
        if (!this.#isLoading) this.#load();
        return;
      }
      const letter = this.#waiting.shift();
      if (letter !== undefined) this.#deliver(letter, this.#loaded.state);
    }
  }

  #deliver(letter: Letter, state: State): void {
    const { commands } = this.definition;
    // Asks are typed where they are made (`Ask`), by the same build or a compatible one.
    const command = commands[letter.command as keyof Protocol];
    this.#answerWith(letter.reply, state, (current, context) =>
      command(current, letter.ask as never, context),
    );
  }

  /** Runs a turn whose outcome is the answer. */
  #answerWith(
    reply: Pending<unknown>,
    state: State,
    run: (state: State, turn: Turn<State>) => Answer<unknown>,
  ): void {
    this.#unanswered += 1;
    const close = () => {
      this.#unanswered -= 1;
    };
    reply.promise.then(close, close);
    const ended = this.#turn(state, run);
    if (ended.ok) reply.answer(ended.value);
    else reply.refuse(ended.error);
  }

  #turn<Value>(
    state: State,
    run: (state: State, turn: Turn<State>) => Value,
  ): { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: SluiceError } {
    /** What the turn wants done once it has ended well. */
    const outbox: (() => void)[] = [];
    try {
      const value = run(state, this.#context(outbox));
      for (const act of outbox) act();
      return { ok: true, value };
    } catch (thrown) {
      if (thrown instanceof SluiceError) return { ok: false, error: thrown };
      return { ok: false, error: this.#crash(thrown) };
    }
  }

  #context(outbox: (() => void)[]): Turn<State> {
    const { ports } = this;
    return {
      ...ports,
      key: this.key,
      now: ports.clock.monotonic(),
      leasesUntil: this.#leasesUntil,
      effect: <Value, Reply>(run: () => Promise<Value>, ends: EffectEnds<State, Value, Reply>) => {
        const pending = new Pending<Reply>();
        outbox.push(() => this.#start(run, ends, pending));
        return pending;
      },
      later: <Reply>() => {
        const pending = new Pending<Reply>();
        this.#keep(pending);
        return pending;
      },
      publish: (subject, payload) => void outbox.push(() => ports.publish(subject, payload)),
    };
  }

  #start<Value, Reply>(
    run: () => Promise<Value>,
    ends: EffectEnds<State, Value, Reply>,
    pending: Pending<Reply>,
  ): void {
    const life = this.#life;
    this.#keep(pending);
    const complete = (turn: (state: State, context: Turn<State>) => Answer<Reply>): void => {
      if (life !== this.#life || this.#loaded === undefined) return;
      const ended = this.#turn(this.#loaded.state, turn);
      if (ended.ok) pending.answer(ended.value);
      else pending.refuse(ended.error);
      this.#drain();
    };
    run().then(
      (value) => complete((state, context) => ends.done(state, value, context)),
      (thrown: unknown) =>
        complete((state, context) => {
          if (ends.failed !== undefined) return ends.failed(state, thrown, context);
          this.ports.log.warn("an actor's effect failed", { ...this.#name, error: String(thrown) });
          throw asSluiceError(thrown);
        }),
    );
  }

  /** Refused when this life ends before it was answered. */
  #keep(pending: Refusable): void {
    this.#open.add(pending);
    const close = () => this.#open.delete(pending);
    pending.promise.then(close, close);
  }

  #load(): void {
    const life = this.#life;
    this.#isLoading = true;
    const context: LoadContext = { ...this.ports, leasesUntil: this.#leasesUntil };
    // A definition that throws before its first await must end in the same place.
    const loading = Promise.resolve().then(() => this.definition.load(this.key, context));
    loading.then(
      (state) => {
        if (life !== this.#life) return;
        this.#isLoading = false;
        this.#crashes.loaded();
        this.#loaded = { state };
        this.#drain();
      },
      (thrown: unknown) => {
        if (life !== this.#life) return;
        this.#isLoading = false;
        this.#refuseLoad(thrown);
      },
    );
  }

  #refuseLoad(thrown: unknown): void {
    if (thrown instanceof SluiceError) {
      this.#refuseWaiting(thrown);
      return;
    }
    const pauseMs = this.#crashes.loadFailed(thrown);
    this.ports.log.warn("an actor could not be loaded", { ...this.#name, error: String(thrown), pauseMs });
    this.#refuseWaiting(this.#overloaded("could not be loaded", pauseMs));
  }

  #crash(thrown: unknown): SluiceError {
    const { clock, log } = this.ports;
    const isQuarantined = this.#crashes.crashed(thrown);
    log.error(isQuarantined ? "an actor is quarantined" : "an actor restarts", {
      ...this.#name,
      error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    });
    this.#leasesUntil = Math.max(this.#leasesUntil, clock.monotonic() + LEASE_MS);
    const error = new SluiceError("internal_error", `The actor '${this.definition.kind.name}' failed.`);
    this.#drop(error);
    if (isQuarantined) this.#refuseWaiting(this.#overloaded("rests after repeated failures", QUARANTINE_MS));
    return error;
  }

  /** Forgets the state; effects that still run have nobody to come back to. */
  #drop(error: SluiceError): void {
    this.#life += 1;
    this.#loaded = undefined;
    for (const pending of this.#open) pending.refuse(error);
    this.#open.clear();
  }

  #refuseWaiting(error: SluiceError): void {
    for (const letter of this.#waiting.splice(0)) letter.reply.refuse(error);
  }

  get #name(): { readonly kind: string; readonly key: string } {
    return { kind: this.definition.kind.name, key: this.key };
  }
}
