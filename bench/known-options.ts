/**
 * Ends the process with the usage when that is asked for, or when an option is none that it names: a bench that passes over
 * one would run for minutes as nobody wanted.
 * @param usage the command line; each `--name` in it is an option
 */
export function requireKnownOptions(args: readonly string[], usage: string): void {
  const known = new Set(usage.match(/--[a-z]+/g));
  const unknown = args.filter((arg) => arg.startsWith("-") && !known.has(arg));
  if (unknown.length === 0) return;
  const wantsHelp = unknown.some((arg) => arg === "--help" || arg === "-h");
  process[wantsHelp ? "stdout" : "stderr"].write(
    `${wantsHelp ? "" : `unknown: ${unknown.join(" ")}\n`}usage: ${usage}\n`,
  );
  process.exit(wantsHelp ? 0 : 2);
}
