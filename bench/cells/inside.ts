import { heapStats } from "bun:jsc";
import type { Heap } from "./heap.ts";

/** Preloaded into the gateway that is measured: tells what is on its heap, which only the process itself knows. */
const { BENCH_CELLS_PORT: port } = process.env;
if (port !== undefined) {
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(port),
    fetch() {
      const { objectTypeCounts, heapCapacity, extraMemorySize } = heapStats();
      return Response.json({
        cells: objectTypeCounts,
        bytes: heapCapacity,
        bytesBeside: extraMemorySize,
      } satisfies Heap);
    },
  });
}
