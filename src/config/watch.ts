import type { Cancel, Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { type Config, needsRestart } from "./config.ts";
import { ConfigError, formatProblem } from "./problems.ts";

/** What tells that the configuration may have changed. */
export interface ReloadTriggers {
  /** Calls `changed` whenever something happened to the file or to its folder; rather once too often. */
  watchFile(path: string, changed: () => void): Cancel;
  /** SIGHUP. */
  onHangup(run: () => void): Cancel;
}

export interface WatchOptions {
  readonly current: Config;
  /** The file to watch, whether it is there yet or not. */
  readonly path: string;
  /** Reads everything anew; throws ConfigError when it cannot be used. */
  readonly load: () => Config;
  /** Puts a new configuration into force. When it throws or rejects, the old one stays. */
  readonly apply: (config: Config) => void | Promise<void>;
  readonly triggers: ReloadTriggers;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ConfigWatch {
  /** The configuration in force. */
  readonly current: Config;
  /** Reads now, after a reload that is under way. True when what is in force is what the file says. Never rejects. */
  reload(): Promise<boolean>;
  stop(): void;
}

/** Editors write in several steps (truncate, write, rename): read once they are done. */
export const SETTLE_MS = 150;

/**
 * Keeps the configuration in step with its file. A configuration that cannot be used is reported, problem by
 * problem, and the one in force stays; so does it while a file that was there is gone.
 */
export function watchConfig(options: WatchOptions): ConfigWatch {
  const { triggers, clock, log } = options;
  let current = options.current;
  let settling: Cancel | undefined;
  let active: Promise<boolean> = Promise.resolve(true);
  let waiting: Promise<boolean> | undefined;
  let isStopped = false;

  const readOnce = async (): Promise<boolean> => {
    if (isStopped) return false;
    try {
      const next = options.load();
      if (isGone(current, next)) {
        log.error(`${KEPT}: the file is gone`, { file: current.source.file });
        return false;
      }
      if (isSame(current, next)) return true;
      await options.apply(next);
      report(log, current, next);
      current = next;
      return true;
    } catch (error) {
      log.error(KEPT, problemsOf(error));
      return false;
    }
  };

  /** One at a time; however many ask meanwhile, they share the next one. */
  const reload = (): Promise<boolean> => {
    settling?.();
    settling = undefined;
    waiting ??= active.then(() => {
      waiting = undefined;
      active = readOnce();
      return active;
    });
    return waiting;
  };

  const unwatch = triggers.watchFile(options.path, () => {
    settling?.();
    settling = clock.after(SETTLE_MS, () => void reload());
  });
  const unhook = triggers.onHangup(async () => {
    const before = current;
    const isInForce = await reload();
    if (isInForce && current === before) log.info("configuration read again: nothing has changed");
  });

  return {
    get current() {
      return current;
    },
    reload,
    stop() {
      isStopped = true;
      settling?.();
      unwatch();
      unhook();
    },
  };
}

const KEPT = "configuration not reloaded, the old one stays in force";

const isGone = (running: Config, next: Config): boolean =>
  running.source.file !== undefined && next.source.file === undefined;

const isSame = (a: Config, b: Config): boolean =>
  a.source.hash === b.source.hash && a.source.file === b.source.file;

function report(log: Log, running: Config, next: Config): void {
  log.info("configuration reloaded", {
    file: next.source.file,
    hash: next.source.hash.slice(0, 12),
    vendors: next.catalog.vendors.size,
    models: next.catalog.models.size,
  });
  const fixed = needsRestart(running, next);
  if (fixed.length > 0) log.warn("some settings are only read at a start", { settings: fixed });
}

function problemsOf(error: unknown): Record<string, unknown> {
  return error instanceof ConfigError ? { problems: error.problems.map(formatProblem) } : { error };
}
