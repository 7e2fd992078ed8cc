/** What the command line says. */
export interface BenchOptions {
  /** A smoke run: does it work, not how fast is it. */
  readonly isQuick: boolean;
  /** Measures a second pass-through in Sluice's place: the ratio must come out as 1. */
  readonly isSelfTest: boolean;
  /** Of the CPU comparison. */
  readonly repeats: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly k6Seconds: number;
  /** Starts a second, at most; half of what the gateway can do, if that is less. */
  readonly k6Rates: { readonly http: number; readonly sse: number; readonly websocket: number };
  readonly writesReadme: boolean;
  /** Describes another gateway, which is measured in Sluice's place. */
  readonly gatewayFile: string | undefined;
}

export const USAGE = `bun run bench [--quick] [--self] [--gateway FILE] [--dry] [--repeats N] [--seconds N]
  --quick     short stretches: shows that it runs, figures mean little
  --self      a second pass-through in Sluice's place: the harness measured by itself
  --gateway   another gateway in Sluice's place, described by a file such as bench/gateways/pass-through.json
  --dry       prints the figures, leaves bench/README.md as it is
  --repeats   interleaved stretches of each load on each target (7)
  --seconds   length of one stretch (6)`;

/** Throws with the usage. */
export function readOptions(args: readonly string[]): BenchOptions {
  const flags = new Set<string>();
  const numbers = new Map<string, number>();
  let gatewayFile: string | undefined;
  for (let at = 0; at < args.length; at += 1) {
    const name = args[at] ?? "";
    if (["--quick", "--self", "--dry"].includes(name)) {
      flags.add(name);
      continue;
    }
    at += 1;
    if (name === "--gateway" && args[at] !== undefined) {
      gatewayFile = args[at];
      continue;
    }
    const value = Number(args[at]);
    if (!["--repeats", "--seconds"].includes(name) || !(value >= 1 && value <= 100))
      throw new Error(`usage: ${USAGE}`);
    numbers.set(name, value);
  }
  const isQuick = flags.has("--quick");
  return {
    isQuick,
    isSelfTest: flags.has("--self"),
    repeats: numbers.get("--repeats") ?? (isQuick ? 2 : 7),
    seconds: numbers.get("--seconds") ?? (isQuick ? 1 : 6),
    warmUpSeconds: isQuick ? 1 : 5,
    k6Seconds: isQuick ? 3 : 30,
    k6Rates: { http: 1000, sse: 100, websocket: 10 },
    // The page tells of Sluice only.
    writesReadme: !flags.has("--dry") && !isQuick && !flags.has("--self") && gatewayFile === undefined,
    gatewayFile,
  };
}
