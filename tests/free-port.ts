/**
 * Ports for servers that are started a moment later, and again on the same port. Below those that the system gives to
 * connections (32768 and up on Linux): one of these would be somebody's before its server is there.
 */
const FIRST = 20_000;
const LAST = 32_000;
const TRIES = 100;

/** A port of the loopback that nobody listens on now. */
export function freePort(): number {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch {
      // Somebody's: the next one.
    }
  }
  throw new Error(`no port between ${FIRST} and ${LAST} is free`);
}
