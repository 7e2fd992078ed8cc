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
  /** Puts a new configuration into force. When it throws, the old one stays. */
  readonly apply: (config: Config) => void;
  readonly triggers: ReloadTriggers;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ConfigWatch {
  /** The configuration in force. */
  readonly current: Config;
  /** Reads now. True when what is in force is what the file says. */
  reload(): boolean;
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

  const reload = (): boolean => {
    settling?.();
    settling = undefined;
    try {
      const next = options.load();
      if (current.source.file !== undefined && next.source.file === undefined) {
        log.error("configuration not reloaded, the old one stays in force: the file is gone", {
          file: current.source.file,
        });
        return false;
      }
      if (isSame(current, next)) return true;
      options.apply(next);
      report(log, current, next);
      current = next;
      return true;
    } catch (error) {
      log.error("configuration not reloaded, the old one stays in force", problemsOf(error));
      return false;
    }
  };

  const changed = (): void => {
    settling?.();
    settling = clock.after(SETTLE_MS, reload);
  };
  const unwatch = triggers.watchFile(options.path, changed);
  const unhook = triggers.onHangup(() => {
    const before = current;
    if (reload() && current === before) log.info("configuration read again: nothing has changed");
  });

  return {
    get current() {
      return current;
    },
    reload,
    stop() {
      settling?.();
      unwatch();
      unhook();
    },
  };
}

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
