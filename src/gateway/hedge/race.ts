import type { Clock } from "../../core/clock.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { Metered } from "../meter.ts";
import { type Begun, hasBegun, type Lane, type LaneResult } from "./lane.ts";

export interface RaceTerms {
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
 * Opens a second lane beside the first, which is slow. Whoever begins first serves, the other is ended. A failure is the
 * first's own, for its caller to deal with; the second's is dealt with here.
 * @param own how the first one ends
 */
export async function race(first: Lane, own: Promise<LaneResult>, terms: RaceTerms): Promise<LaneResult> {
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

/** True when the lane, which never rejects, has not ended within its vendor's usual time, from now. */
export function isLate(own: Promise<LaneResult>, clock: Clock, patienceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(patienceMs, () => resolve(true));
    void own.then(() => {
      cancel();
      resolve(false);
    });
  });
}
