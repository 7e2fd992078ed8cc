/** What the command line says. */
export interface WallOptions {
  readonly seed: number;
  readonly runs: number;
  /** Of load and troubles in each run. */
  readonly seconds: number;
  readonly nodes: number;
  readonly withRedis: boolean;
  readonly withIdempotency: boolean;
  /** Another gateway, which is only spent from. */
  readonly target: TargetOptions | undefined;
}

export interface TargetOptions {
  readonly url: string;
  readonly key: string;
  readonly model: string;
  /** Where the vendor listens that the target's operator has configured. */
  readonly vendorPort: number;
}

const USAGE = `usage: bun run wall:money [--seed N] [--runs N] [--minutes M] [--nodes 1|3] [--redis] [--idempotency]
       bun run wall:money --target URL [--key K] [--model NAME] [--vendor-port P] [--minutes M]
  --seed         the first run's plan of troubles (1); the next runs take the next ones
  --runs         how many (1)
  --minutes      of load and troubles in each (1.3); starting, healing and counting take about one more
  --nodes        1: a node alone, without NATS (3)
  --redis        the nodes share a Redis
  --idempotency  some questions carry an Idempotency-Key and are asked again elsewhere
  --target       any gateway that speaks OpenAI's API, in place of the nodes: clients at once, nothing is disturbed
  --key          its key (sk-wall)
  --model        its name for the vendor's model (wall)
  --vendor-port  the port on which the vendor waits for it (9199)`;

const NUMBERS: Readonly<
  Record<string, { readonly least: number; readonly most: number; readonly usual: number }>
> = {
  "--seed": { least: 1, most: 1_000_000, usual: 1 },
  "--runs": { least: 1, most: 1_000, usual: 1 },
  "--minutes": { least: 0.1, most: 60, usual: 1.3 },
  "--nodes": { least: 1, most: 3, usual: 3 },
  "--vendor-port": { least: 1, most: 65_535, usual: 9_199 },
};
const WORDS = ["--target", "--key", "--model"];
const FLAGS = ["--redis", "--idempotency"];

/** Throws with the usage. */
export function readOptions(args: readonly string[]): WallOptions {
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const name = args[at] ?? "";
    if (FLAGS.includes(name)) given.set(name, "");
    else {
      at += 1;
      const value = args[at];
      if (value === undefined || !(WORDS.includes(name) || name in NUMBERS)) throw new Error(USAGE);
      given.set(name, value);
    }
  }
  const number = (name: string): number => {
    const bounds = NUMBERS[name] ?? { least: 0, most: 0, usual: 0 };
    const value = given.has(name) ? Number(given.get(name)) : bounds.usual;
    const isWhole = name === "--minutes" || Number.isInteger(value);
    if (!(isWhole && value >= bounds.least && value <= bounds.most)) throw new Error(USAGE);
    return value;
  };
  const url = given.get("--target");
  if (url !== undefined && !URL.canParse(url)) throw new Error(USAGE);
  return {
    seed: number("--seed"),
    runs: number("--runs"),
    seconds: Math.round(number("--minutes") * 60),
    nodes: number("--nodes"),
    withRedis: given.has("--redis"),
    withIdempotency: given.has("--idempotency"),
    target:
      url === undefined
        ? undefined
        : {
            url: url.replace(/\/(v1\/?)?$/, ""),
            key: given.get("--key") ?? "sk-wall",
            model: given.get("--model") ?? "wall",
            vendorPort: number("--vendor-port"),
          },
  };
}
