/** What a token of the stamping vendor says: when it was written, milliseconds since the epoch. */
export const STAMP = "@";
export const STAMP_MODEL = "bench-stamped";

/** Comparable over processes of one machine, to microseconds. */
export const wallMs = (): number => performance.timeOrigin + performance.now();
