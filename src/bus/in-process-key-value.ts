import type { Clock } from "../core/clock.ts";
import type { KeyValue, KeyValueEntry } from "./key-value.ts";

type OnChange = (key: string, entry: KeyValueEntry | undefined) => void;

interface Kept extends KeyValueEntry {
  /** Monotonic. */
  readonly until: number;
}

/** A store for nodes that share one process: what a simulator and tests stand on. */
export function createInProcessKeyValue(clock: Clock, ageMs: number): KeyValue {
  const entries = new Map<string, Kept>();
  const watchers = new Set<OnChange>();
  let revisions = 0;

  const current = (key: string): Kept | undefined => {
    const kept = entries.get(key);
    if (kept !== undefined && clock.monotonic() >= kept.until) entries.delete(key);
    return entries.get(key);
  };
  const tell = (key: string, entry: KeyValueEntry | undefined): void => {
    for (const watcher of watchers) {
      queueMicrotask(() => {
        if (watchers.has(watcher)) watcher(key, entry);
      });
    }
  };
  const write = (key: string, value: Uint8Array): number => {
    revisions += 1;
    const entry = { value: value.slice(), revision: revisions, until: clock.monotonic() + ageMs };
    entries.set(key, entry);
    tell(key, entry);
    return revisions;
  };

  return {
    ageMs,
    create: async (key, value) => (current(key) === undefined ? write(key, value) : undefined),
    update: async (key, value, revision) =>
      current(key)?.revision === revision ? write(key, value) : undefined,
    async delete(key, revision) {
      if (current(key)?.revision !== revision) return false;
      entries.delete(key);
      tell(key, undefined);
      return true;
    },
    watch(onChange) {
      watchers.add(onChange);
      for (const key of entries.keys()) {
        const entry = current(key);
        if (entry !== undefined) queueMicrotask(() => watchers.has(onChange) && onChange(key, entry));
      }
      return { close: () => void watchers.delete(onChange) };
    },
  };
}
