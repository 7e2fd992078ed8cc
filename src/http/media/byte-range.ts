/** A part of a body by its `Range` header. */

export interface ByteRange {
  readonly start: number;
  /** Not included. */
  readonly end: number;
}

/**
 * The one range that a header asks for, of a body of so many bytes. Undefined: the whole body, which is the right answer
 * to several ranges and to what is no range, too.
 */
export function rangeOf(header: string | null, bytes: number): ByteRange | "unsatisfiable" | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replaceAll(" ", "") ?? "") ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return undefined;
  if (from === "") {
    const last = Math.min(Number(to), bytes);
    return last === 0 ? "unsatisfiable" : { start: bytes - last, end: bytes };
  }
  const start = Number(from);
  const end = to === "" ? bytes : Math.min(Number(to) + 1, bytes);
  if (to !== "" && Number(to) < start) return undefined;
  return start >= bytes ? "unsatisfiable" : { start, end };
}

/** Whether one of the tags of `If-None-Match` is this one. Weak ones count: the bytes are what is meant. */
export const isMatched = (header: string | null, etag: string): boolean =>
  (header ?? "")
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === "*" || tag === etag);
