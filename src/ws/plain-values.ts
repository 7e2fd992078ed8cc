/** Deepest nesting of a frame: far beyond any tool schema, far below what a stack can bear. */
const MOST_LEVELS = 128;

/**
 * Makes sure that a decoded MessagePack value is what JSON could have said. The format also knows dates,
 * bytes, maps and references; the latter can make cycles, or a few bytes stand for more values than memory
 * holds. Without references each value takes at least one byte, so more values than bytes are such a trick.
 * @throws Error that names what was found
 */
export function assertPlain(value: unknown, bytes: number): void {
  let left = bytes;

  const visit = (item: unknown, level: number): void => {
    left -= 1;
    if (left < 0) throw new Error("values that refer to each other");
    switch (typeof item) {
      case "string":
      case "boolean":
        return;
      case "number":
        if (!Number.isFinite(item)) throw new Error("a number that is not finite");
        return;
      case "object":
        if (item === null) return;
        if (level > MOST_LEVELS) throw new Error(`more than ${MOST_LEVELS} levels`);
        for (const inner of innerValues(item)) visit(inner, level + 1);
        return;
      default:
        throw new Error(`a value of type ${typeof item}`);
    }
  };

  visit(value, 0);
}

function innerValues(item: object): unknown[] {
  if (Array.isArray(item)) return item;
  const prototype: unknown = Object.getPrototypeOf(item);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Error(`a value of type ${item.constructor.name}`);
  }
  return Object.values(item);
}
