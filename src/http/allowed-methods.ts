/** A route as Elysia lists it: `:name` stands for one part of the path, `*` for the rest. */
interface RoutePattern {
  readonly method: string;
  readonly path: string;
}

/** The methods under which a path is served; empty for an unknown path. */
export function allowedMethods(routes: readonly RoutePattern[], path: string): readonly string[] {
  const parts = path.split("/");
  return [
    ...new Set(routes.filter((route) => matches(route.path.split("/"), parts)).map(({ method }) => method)),
  ];
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  const hasRest = pattern.at(-1) === "*";
  const fixed = hasRest ? pattern.slice(0, -1) : pattern;
  if (hasRest ? parts.length <= fixed.length : parts.length !== fixed.length) return false;
  return fixed.every((part, index) => part === parts[index] || (part.startsWith(":") && parts[index] !== ""));
}
