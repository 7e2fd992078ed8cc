/** What the command line says. */
export interface FaultOptions {
  /** Only cases whose name it matches. */
  readonly only: RegExp;
  readonly writesReadme: boolean;
  /** Another gateway in Sluice's place. */
  readonly target: TargetOptions | undefined;
}

export interface TargetOptions {
  readonly url: string;
  readonly key: string;
  /** Where the vendor listens that the target's operator has configured. */
  readonly vendorPort: number;
}

const USAGE = `usage: bun run wall:fault [--only PATTERN] [--dry]
       bun run wall:fault --target URL [--key K] [--vendor-port P] [--only PATTERN]
  --only         cases whose name matches this regular expression, such as '^cut_.*WebSocket'; implies --dry
  --dry          leaves bench/README.md as it is
  --target       any gateway that speaks OpenAI's API: its answers are looked at, its books are not
  --key          its key (sk-wall)
  --vendor-port  the port on which the vendor waits for it (9199)`;

const VALUES = ["--only", "--target", "--key", "--vendor-port"];

/** Throws with the usage. */
export function readOptions(args: readonly string[]): FaultOptions {
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const name = args[at] ?? "";
    if (name === "--dry") given.set(name, "");
    else {
      at += 1;
      const value = args[at];
      if (value === undefined || !VALUES.includes(name)) throw new Error(USAGE);
      given.set(name, value);
    }
  }
  return {
    only: patternIn(given.get("--only")),
    writesReadme: !["--dry", "--only", "--target"].some((name) => given.has(name)),
    target: targetIn(given),
  };
}

function patternIn(text: string | undefined): RegExp {
  try {
    return new RegExp(text ?? "");
  } catch {
    throw new Error(USAGE);
  }
}

function targetIn(given: ReadonlyMap<string, string>): TargetOptions | undefined {
  const url = given.get("--target");
  const vendorPort = Number(given.get("--vendor-port") ?? 9_199);
  if (!(Number.isInteger(vendorPort) && vendorPort >= 1 && vendorPort <= 65_535)) throw new Error(USAGE);
  if (url === undefined) return undefined;
  if (!URL.canParse(url)) throw new Error(USAGE);
  return { url: url.replace(/\/(v1\/?)?$/, ""), key: given.get("--key") ?? "sk-wall", vendorPort };
}
