/** Label sets of one metric at most; what comes after is counted together, so that no client can fill the memory. */
const MOST_CELLS = 2_000;
const OTHER = "other";

export type Labels<Name extends string> = Record<Name, string>;

/**
 * One value for each combination of labels, made when it is first met. Finding it again is a map look-up per
 * label: nothing is joined or hashed on the path of a request.
 */
export interface LabelledCells<Value> {
  at(first: string, second?: string, third?: string, fourth?: string): Value;
  all(): Iterable<Value>;
}

type Level<Value> = Map<string, Level<Value> | Value>;

/**
 * @param make makes the value of a combination that is met for the first time
 * @param most combinations; all later ones share the cell `other`
 */
export function createCells<Name extends string, Value extends object>(
  names: readonly Name[],
  make: (labels: Labels<Name>) => Value,
  most: number = MOST_CELLS,
): LabelledCells<Value> {
  const root: Level<Value> = new Map();
  const cells: Value[] = [];
  let overflow: Value | undefined;

  const add = (labels: readonly string[]): Value => {
    if (cells.length >= most) {
      overflow ??= makeOf(names.map(() => OTHER));
      return overflow;
    }
    const made = makeOf(labels);
    let level = root;
    for (const label of labels.slice(0, -1)) {
      const known = level.get(label);
      const next: Level<Value> = known instanceof Map ? known : new Map();
      level.set(label, next);
      level = next;
    }
    level.set(labels.at(-1) ?? "", made);
    return made;
  };
  const makeOf = (labels: readonly string[]): Value => {
    const named = Object.fromEntries(names.map((name, index) => [name, labels[index] ?? ""]));
    const made = make(named as Labels<Name>); // one entry for each name, just above
    cells.push(made);
    return made;
  };

  return {
    // No rest parameter: its array would be made for each of a dozen look-ups that a request has.
    at(first: string, second?: string, third?: string, fourth?: string) {
      let found: Level<Value> | Value | undefined = root.get(first);
      if (second !== undefined && found instanceof Map) found = found.get(second);
      if (third !== undefined && found instanceof Map) found = found.get(third);
      if (fourth !== undefined && found instanceof Map) found = found.get(fourth);
      if (found !== undefined && !(found instanceof Map)) return found;
      return add([first, second, third, fourth].filter((label) => label !== undefined));
    },
    all: () => cells,
  };
}
