import type { Clock } from "../../core/clock.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { Metered } from "../meter.ts";
import { type Begun, hasBegun, type Lane, type LaneResult } from "./lane.ts";

export interface RaceTerms {
  readonly clock: Clock;
  /** How long the first may take alone, from now. */
  readonly patienceMs: number;
  open(lane: Lane): Promise<LaneResult>;
  /** A second vendor; undefined when there is none, or none may be asked. */
  second(): Promise<Lane | undefined>;
  /** The second's place was taken for nothing. */
  unused(lane: Lane): void;
  /** Ends a lane that the other one has beaten; answers what it consumed. */
  lose(lane: Lane): Metered | undefined;
  /** A lane's vendor failed and the other one decides. */
  fail(lane: Lane, failure: VendorFailure): void;
}

/**
 * Opens the first lane, and a second one when the first is slow. Whoever begins first serves, the other is ended. A
 * failure is the first's own, for its caller to deal with; the second's is dealt with here.
 */
export async function race(first: Lane, terms: RaceTerms): Promise<LaneResult> {
  const own = terms.open(first);
  if (!(await isLate(own, terms))) return own;
  let isOver = false;
  const watched = own.finally(() => {
    isOver = true;
  });
  const second = await terms.second();
  if (second === undefined) return watched;
  if (isOver) {
    terms.unused(second);
    return watched;
  }
  const others = terms.open(second);
  const winner = await Promise.race([watched.then(() => first), others.then(() => second)]);
  return winner === first
    ? firstCame(await watched, { second, others, first }, terms)
    : secondCame(await others, { second, first, own: watched }, terms);
}

interface FirstCame {
  readonly first: Lane;
  readonly second: Lane;
  readonly others: Promise<LaneResult>;
}

async function firstCame(
  result: LaneResult,
  { first, second, others }: FirstCame,
  terms: RaceTerms,
): Promise<LaneResult> {
  if (result === undefined) return undefined;
  if (hasBegun(result)) return afterLoss(result, terms.lose(second));
  if (result.fault === "request") {
    terms.lose(second);
    return result;
  }
  const other = await others;
  if (hasBegun(other)) terms.fail(first, result);
  else if (other !== undefined) terms.fail(second, other);
  return other === undefined || hasBegun(other) ? other : result;
}

interface SecondCame {
  readonly first: Lane;
  readonly second: Lane;
  readonly own: Promise<LaneResult>;
}

async function secondCame(
  result: LaneResult,
  { first, second, own }: SecondCame,
  terms: RaceTerms,
): Promise<LaneResult> {
  if (result === undefined) return undefined;
  if (hasBegun(result)) return afterLoss(result, terms.lose(first));
  terms.fail(second, result);
  return own;
}

const afterLoss = (begun: Begun, lost: Metered | undefined): Begun =>
  lost === undefined ? begun : { ...begun, lost };

/** True when the lane has not ended within the first vendor's usual time. */
async function isLate(own: Promise<LaneResult>, { clock, patienceMs }: RaceTerms): Promise<boolean> {
  const late = Promise.withResolvers<true>();
  const cancel = clock.after(patienceMs, () => late.resolve(true));
  const answer = await Promise.race([own.then(() => false), late.promise]);
  cancel();
  return answer;
}
