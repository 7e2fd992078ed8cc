import { type Document, isPair, isScalar, isSeq, LineCounter, parseDocument, Scalar, visit } from "yaml";
import { type Environment, interpolate } from "./interpolate.ts";
import { locate, type Position, positionAt } from "./locate.ts";
import { formatPath, type Path, type Problem } from "./problems.ts";

/** A YAML text with its variables filled in, that still knows where everything stands. */
export interface ConfigDocument {
  /** Plain values; `{}` for an empty text, undefined when the text is not YAML. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Names of environment variables that the text reads. */
  readonly variables: ReadonlySet<string>;
  /** A problem of this document at a path. */
  problemAt(path: Path, message: string): Problem;
}

/** More aliases than this resolve to more values than any configuration has (a "billion laughs" text). */
const MAX_ALIASES = 100;

/** Reads one YAML document; whatever is wrong with it is in `problems`, never thrown. */
export function readDocument(text: string, source: string, environment: Environment): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  const variables = new Set<string>();
  const at = (position: Position, path: Path, message: string): Problem => ({
    source,
    path: formatPath(path),
    ...position,
    message,
  });
  const problems = [...document.errors, ...document.warnings].map((error) =>
    at(positionAt(lines, error.pos[0]), [], yamlMessage(error.code, error.message)),
  );
  const problemAt = (path: Path, message: string): Problem =>
    at(locate(document, lines, path), path, message);
  if (document.errors.length > 0) return { value: undefined, problems, variables, problemAt };
  keepNames(document);
  problems.push(...fillIn(document, environment, variables, problemAt));
  const { value, problem } = plainValue(document);
  if (problem !== undefined) problems.push(at({ line: 1, column: 1 }, [], problem));
  return { value, problems, variables, problemAt };
}

/** A name is text, however much it looks like a number: a model called `5.10` is not `5.1`. */
function keepNames(document: Document): void {
  visit(document, {
    Scalar(key, node) {
      if (key === "key" && typeof node.value !== "string" && node.source !== undefined)
        node.value = node.source;
    },
  });
}

function fillIn(
  document: Document,
  environment: Environment,
  variables: Set<string>,
  problemAt: ConfigDocument["problemAt"],
): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
      const { text, read, missing, malformed } = interpolate(node.value, environment);
      const path = pathTo(ancestors, node);
      for (const name of read) variables.add(name);
      for (const name of missing) {
        problems.push(problemAt(path, `the environment variable ${name} is not set`));
      }
      if (malformed) {
        problems.push(
          problemAt(
            path,
            "'${' must be followed by a variable's name and '}'; write '$${' for the text itself",
          ),
        );
      }
      const isWhole = node.type === Scalar.PLAIN && /^\$\{\w+\}$/.test(node.value);
      node.value = isWhole ? typed(text) : text;
    },
  });
  return problems;
}

/** An unquoted `${PORT}` is the number that it holds, if the number keeps every digit; so is `true` and `false`. */
function typed(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return text !== "" && String(number) === text && Number.isFinite(number) ? number : text;
}

/** The path of a node out of the nodes around it, as `yaml`'s visitor gives them. */
function pathTo(ancestors: readonly unknown[], node: unknown): Path {
  const path: PropertyKey[] = [];
  for (const [index, ancestor] of ancestors.entries()) {
    if (isSeq(ancestor)) path.push(ancestor.items.indexOf(ancestors[index + 1] ?? node));
    else if (isPair(ancestor) && isScalar(ancestor.key)) path.push(String(ancestor.key.value));
  }
  return path;
}

function plainValue(document: Document): { readonly value: unknown; readonly problem?: string } {
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value: value ?? {} };
  } catch {
    return { value: undefined, problem: "uses more aliases than a configuration needs" };
  }
}

/** The parser's own words, with the common case said plainly. */
const yamlMessage = (code: string, message: string): string =>
  code === "DUPLICATE_KEY"
    ? "this name is defined twice; only one can count"
    : `is not valid YAML: ${message}`;
