import { heapStats } from "bun:jsc";

/**
 * Preloaded into the gateway that is measured: at SIGUSR2 it collects its garbage and writes what is left to
 * `BENCH_MEMORY_FILE`, as a `Held`.
 */
export interface Held {
  /** Bytes: the process, the objects, and what these hold outside the heap. */
  readonly rss: number;
  readonly heap: number;
  readonly outside: number;
  /** How many objects of each kind there are. */
  readonly objects: Readonly<Record<string, number>>;
}

const file = process.env.BENCH_MEMORY_FILE;
if (file !== undefined) {
  process.on("SIGUSR2", () => {
    Bun.gc(true);
    const { heapSize, extraMemorySize, objectTypeCounts } = heapStats();
    const held: Held = {
      rss: process.memoryUsage.rss(),
      heap: heapSize,
      outside: extraMemorySize,
      objects: objectTypeCounts,
    };
    void Bun.write(file, JSON.stringify(held));
  });
}
