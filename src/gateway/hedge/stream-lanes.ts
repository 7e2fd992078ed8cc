import type { Clock } from "../../core/clock.ts";
import type { HedgeSettings } from "../../core/hedge-settings.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { Attempt } from "../attempt.ts";
import type { Metered } from "../meter.ts";
import { type Hedging, lostCost } from "./hedging.ts";
import { consumedBy, hasBegun, type Lane, type LaneResult, type LaneTerms, openLane } from "./lane.ts";
import { isLate, race } from "./race.ts";

/** By what a second vendor may be asked; absent where none may. */
export interface HedgeTerms {
  readonly hedging: Hedging;
  readonly settings: HedgeSettings;
}

/** Opens a stream at one vendor, or at two when the first is slow. At most one second vendor a request. */
export class StreamLanes {
  /** The second vendor's call, once there was one. */
  #asked: Attempt | undefined;
  #second: Lane | undefined;

  constructor(
    readonly clock: Clock,
    readonly terms: LaneTerms,
    readonly hedge: HedgeTerms | undefined,
  ) {}

  /** The first vendor that begins, or why the given one did not; undefined: the client has gone. */
  open(first: Lane): Promise<LaneResult> {
    const { hedge, terms } = this;
    const patienceMs = hedge?.hedging.patienceMs(first.attempt.route, hedge.settings);
    if (hedge === undefined || patienceMs === undefined || this.#asked !== undefined)
      return openLane(first, terms);
    return this.#openPatiently(first, hedge, patienceMs);
  }

  async #openPatiently(first: Lane, hedge: HedgeTerms, patienceMs: number): Promise<LaneResult> {
    const own = openLane(first, this.terms);
    return (await isLate(own, this.clock, patienceMs)) ? this.#race(first, own, hedge) : own;
  }

  async #race(first: Lane, own: Promise<LaneResult>, hedge: HedgeTerms): Promise<LaneResult> {
    const { terms } = this;
    const result = await race(first, own, {
      open: (lane) => openLane(lane, terms),
      second: () => this.#takeSecond(hedge),
      unused: (lane) => this.#leave(lane),
      lose: (lane) => this.#lose(lane, hedge.hedging),
      fail: (lane, failure) => this.#fail(lane, failure),
    });
    this.#tell(result);
    if (this.#second !== undefined && result !== undefined) terms.walk.over(this.#second.attempt);
    return result;
  }

  /** For a client that has gone: the second vendor's call, if one runs, which ends. */
  abandonSecond(): Lane | undefined {
    const lane = this.#second;
    if (lane === undefined) return undefined;
    this.#leave(lane);
    return lane;
  }

  async #takeSecond({ hedging, settings }: HedgeTerms): Promise<Lane | undefined> {
    const { request, walk } = this.terms;
    const route = walk.upcoming;
    if (route === undefined || walk.isGone) return undefined;
    const { maxExtraCost } = settings;
    const { admittedAt } = walk.charge;
    if (maxExtraCost !== undefined && lostCost(route, request, admittedAt) > maxExtraCost) return undefined;
    if (!hedging.take()) return undefined;
    this.#second = await walk.beside();
    this.#asked = this.#second?.attempt;
    return this.#second;
  }

  #tell(result: LaneResult): void {
    const asked = this.#asked;
    if (asked === undefined || result === undefined) return;
    const { vendor, model } = asked.route;
    const serves = hasBegun(result) && result.leg.vendor.attempt === asked;
    this.terms.walk.ports.telemetry.anotherVendor({ why: "hedge", vendor: vendor.id, model, serves });
  }

  /** The other vendor began sooner. */
  #lose(lane: Lane, hedging: Hedging): Metered | undefined {
    const { attempt } = lane;
    const { request, walk } = this.terms;
    const consumed = consumedBy(lane, request, walk.charge.admittedAt);
    // At least so long: a route that always loses must not seem as fast as when it wins.
    hedging.began(attempt.route, this.clock.monotonic() - attempt.startedAt);
    walk.charge.noteAttempt(attempt, "cancelled", undefined, consumed);
    this.#leave(lane);
    return consumed;
  }

  #fail(lane: Lane, failure: VendorFailure): void {
    this.terms.walk.failed(lane, failure);
    this.#forget(lane);
  }

  /** Ends the call without blaming the vendor. */
  #leave(lane: Lane): void {
    if (lane.vendor === undefined) lane.attempt.end("client");
    else lane.vendor.cancel();
    lane.ticket.report({ ok: "unknown" });
    lane.ticket.release();
    this.#forget(lane);
  }

  #forget(lane: Lane): void {
    this.terms.walk.over(lane.attempt);
    if (this.#second === lane) this.#second = undefined;
  }
}
