import { startPassThrough } from "../pass-through.ts";

/**
 * Preloaded into the gateway that is measured: tells the CPU of the process to the microsecond, and runs the yardstick
 * (a bare pass-through) in the same process, so that processor, clock, neighbours and compiler are the same for both.
 */
const { BENCH_GUARD_PORT: port, BENCH_GUARD_UPSTREAM: upstream } = process.env;
if (port !== undefined && upstream !== undefined) {
  const passThrough = startPassThrough(upstream);
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(port),
    fetch() {
      const { user, system } = process.cpuUsage();
      return Response.json({ passThrough: passThrough.url, cpuMicroseconds: user + system });
    },
  });
}
