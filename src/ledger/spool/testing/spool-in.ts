import { systemClock } from "../../../core/clock.ts";
import { silentLog } from "../../../core/log.ts";
import { systemFiles } from "../files.ts";
import { type Position, START } from "../position.ts";
import { Spool, type SpoolOptions } from "../spool.ts";

/** Opens the spool in a test's directory, with room for everything unless told otherwise. */
export function spoolIn(
  directory: string,
  options: Partial<SpoolOptions> = {},
): ReturnType<typeof Spool.open> {
  return Spool.open({
    directory,
    files: systemFiles,
    clock: systemClock,
    log: silentLog,
    floor: START,
    capBytes: 1e9,
    segmentBytes: 1e8,
    ...options,
  });
}

/** The requests whose USAGE can be read from a position on. */
export const idsOf = (spool: Spool, from: Position = START): string[] =>
  spool.read(from, 1e6).usages.map(({ id }) => String(id));
