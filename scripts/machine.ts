import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** What looking for a program needs of the machine; passed in, so that the order of looking can be tested. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  /** Kept between runs, not part of the repository. */
  readonly cacheDirectory: string;
  which(command: string): string | undefined;
  exists(path: string): Promise<boolean>;
  run(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  say(line: string): void;
}

export interface Ran {
  readonly ok: boolean;
  /** Both outputs, for the message when it failed. */
  readonly output: string;
}

const ROOT = dirname(import.meta.dir);

export const thisMachine: Machine = {
  env: process.env,
  isRoot: process.getuid?.() === 0,
  cacheDirectory: join(ROOT, "node_modules", ".cache", "sluice"),
  which: (command) => Bun.which(command) ?? undefined,
  exists: (path) => Bun.file(path).exists(),
  async run(command, env = {}) {
    try {
      mkdirSync(this.cacheDirectory, { recursive: true });
      const child = Bun.spawn([...command], {
        env: { ...process.env, ...env },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      return { ok: code === 0, output: `${out}${err}` };
    } catch (error) {
      return { ok: false, output: String(error) };
    }
  },
  say: (line) => void process.stderr.write(`${line}\n`),
};
