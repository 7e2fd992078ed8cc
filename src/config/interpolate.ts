/** Values of the environment by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Interpolation {
  readonly text: string;
  /** Names read, whether they were there or not. */
  readonly read: readonly string[];
  readonly missing: readonly string[];
  /** A `${` that is no reference to a variable. */
  readonly malformed: boolean;
}

/** `$${`, `${NAME}`, or a `${` that is neither. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

/** Replaces `${NAME}` by the variable's value, once (values are not looked into); `$${` stands for `${` itself. A missing one stays as it is. */
export function interpolate(text: string, environment: Environment): Interpolation {
  const read: string[] = [];
  const missing: string[] = [];
  let malformed = false;
  const replaced = text.replace(REFERENCE, (match: string, name: string | undefined) => {
    if (match === "$${") return "${";
    if (name === undefined) {
      malformed = true;
      return match;
    }
    read.push(name);
    const value = environment[name];
    if (value === undefined) missing.push(name);
    return value ?? match;
  });
  return { text: replaced, read, missing, malformed };
}
