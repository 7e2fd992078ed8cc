/** Deepest nesting of a frame: far beyond any tool schema, far below what a stack can bear. */
const MOST_LEVELS = 128;

/**
 * Makes sure that a decoded MessagePack value is what JSON could have said. The format also knows dates,
 * bytes, maps and references; the latter can make cycles, or a few bytes stand for more values than memory
 * holds. Without references each value takes at least one byte, so more values than bytes are such a trick.
 * @throws Error that names what was found
 */
export function assertPlain(value: unknown, bytes: number): void {
  valuesLeft(value, bytes, 0);
}

/** How many of `most` values may still come behind this one and all that is in it. */
function valuesLeft(value: unknown, most: number, level: number): number {
  if (most === 0) throw new Error("values that refer to each other");
  switch (typeof value) {
    case "string":
    case "boolean":
      return most - 1;
    case "number":
      if (!Number.isFinite(value)) throw new Error("a number that is not finite");
      return most - 1;
    case "object":
      return value === null ? most - 1 : leftBehind(value, most - 1, level);
    default:
      throw new Error(`a value of type ${typeof value}`);
  }
}

function leftBehind(holder: object, most: number, level: number): number {
  if (level > MOST_LEVELS) throw new Error(`more than ${MOST_LEVELS} levels`);
  let left = most;
  if (Array.isArray(holder)) {
    for (const item of holder) left = valuesLeft(item, left, level + 1);
    return left;
  }
  const prototype: unknown = Object.getPrototypeOf(holder);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Error(`a value of type ${holder.constructor.name}`);
  }
  const fields = holder as Readonly<Record<string, unknown>>; // checked above: a plain object
  for (const name in fields) left = valuesLeft(fields[name], left, level + 1);
  return left;
}
