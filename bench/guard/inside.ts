import { startPassThrough } from "../pass-through.ts";

/**
 * Preloaded into the gateway that is measured: tells the CPU of the process to the microsecond, and runs the yardstick
 * (a bare pass-through) in the same process, so that processor, clock, neighbours and compiler are the same for both.
 */
const { BENCH_GUARD_PORT: port, BENCH_GUARD_UPSTREAM: upstream, BENCH_GUARD_PLANT: plant } = process.env;
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
  if (plant !== undefined) plantRegression(Number(plant));
}

/** For the proof that the guard sees one: every text that the gateway parses is parsed so many times more. */
function plantRegression(times: number): void {
  const parse = JSON.parse;
  JSON.parse = (text, reviver) => {
    for (let again = 0; again < times; again += 1) parse(text);
    return parse(text, reviver);
  };
}
