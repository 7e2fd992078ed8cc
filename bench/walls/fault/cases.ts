import type { Dialect } from "./dialects/dialect.ts";
import { DIALECTS } from "./dialects.ts";
import type { Fault, Mode } from "./fault.ts";
import { FAULTS } from "./faults.ts";
import { openai } from "./wires/openai.ts";
import type { Wire } from "./wires/wire.ts";
import { WIRES } from "./wires.ts";

/** One row of the wall: a fault, met by one kind of client. */
export interface Case {
  /** `cut_mid_frame, stream by chat from openai, alone`. */
  readonly name: string;
  readonly fault: Fault;
  readonly mode: Mode;
  readonly dialect: Dialect;
  readonly wire: Wire;
  /** A vendor that nothing is wrong with comes after it. */
  readonly hasSecond: boolean;
}

/** All of them. */
export function casesOf(
  faults: readonly Fault[] = FAULTS,
  dialects: readonly Dialect[] = DIALECTS,
): readonly Case[] {
  return [false, true].flatMap((hasSecond) =>
    faults.flatMap((fault) => casesOfFault(fault, dialects, hasSecond)),
  );
}

/** Those that any gateway which speaks OpenAI's dialect can be put through. */
export const commonCases = (): readonly Case[] =>
  casesOf(
    FAULTS,
    DIALECTS.filter(({ isCommon }) => isCommon),
  ).filter(({ wire, hasSecond }) => wire === openai && !hasSecond);

function casesOfFault(fault: Fault, dialects: readonly Dialect[], hasSecond: boolean): readonly Case[] {
  return dialects
    .filter(({ hasTools }) => hasTools || fault.answer?.call === undefined)
    .flatMap((dialect) =>
      WIRES.filter((wire) => happensOn(fault, dialect, wire)).flatMap((wire) =>
        dialect.modes
          .filter((mode) => fault[mode] !== undefined)
          .map((mode) => ({
            name: nameOf(fault, mode, dialect, wire, hasSecond),
            fault,
            mode,
            dialect,
            wire,
            hasSecond,
          })),
      ),
    );
}

function happensOn({ needs }: Fault, { wires }: Dialect, { name, lacks = [] }: Wire): boolean {
  return wires.includes(name) && (needs === undefined || !lacks.includes(needs));
}

const nameOf = (fault: Fault, mode: Mode, dialect: Dialect, wire: Wire, hasSecond: boolean): string =>
  `${fault.name}, ${mode} by ${dialect.name} from ${wire.name}, ${hasSecond ? "with a second vendor" : "alone"}`;
