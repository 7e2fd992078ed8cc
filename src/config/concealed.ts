const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** The object itself, made so that JSON, consoles and loggers show `[secret]` in place of the named fields. */
export function conceal<T extends object>(object: T, fields: readonly (keyof T & string)[]): T {
  const hidden: readonly string[] = fields;
  const shown = (): object =>
    Object.fromEntries(
      Object.entries(object).map(([name, value]) => [name, hidden.includes(name) ? "[secret]" : value]),
    );
  return Object.defineProperties(object, { toJSON: { value: shown }, [INSPECT]: { value: shown } });
}
