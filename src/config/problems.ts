/** One thing that is wrong with the configuration, and where. */
export interface Problem {
  /** The file's name, `environment`, or `built-in.yaml`. */
  readonly source: string;
  /** `models.deepseek-chat[0].price.input`, or a variable's name; empty for the whole source. */
  readonly path: string;
  /** Counted from 1; absent where there are no lines. */
  readonly line?: number;
  readonly column?: number;
  /** Never holds a value of the configuration: it could be a key. */
  readonly message: string;
}

/** The configuration cannot be used. Its message lists every problem, one a line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
  }
}

/** `sluice.yaml:12:5 models.chat[0].price: has no price` */
export function formatProblem(problem: Problem): string {
  const place =
    problem.line === undefined ? problem.source : `${problem.source}:${problem.line}:${problem.column ?? 1}`;
  return `${place} ${problem.path === "" ? "" : `${problem.path}: `}${problem.message}`;
}

/** A position inside the configuration: map keys and list indexes from the top. */
export type Path = readonly PropertyKey[];

/** `["models", "chat", 0, "price"]` → `models.chat[0].price`. A key with other characters is quoted. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w-]+$/.test(String(step))) text += text === "" ? String(step) : `.${String(step)}`;
    else text += `[${JSON.stringify(String(step))}]`;
  }
  return text;
}
