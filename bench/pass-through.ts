/**
 * The yardstick: the least that a gateway on Bun can do. Takes a request, sends it on, hands the answer back.
 * No key, no limit, no money, no look at the bytes.
 *
 * `bun bench/pass-through.ts UPSTREAM [PORT]`
 */
export function startPassThrough(upstream: string, port = 0): { readonly url: string; stop(): void } {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      return fetch(upstream + pathname + search, {
        method: request.method,
        headers: request.headers,
        body: request.method === "GET" ? null : await request.arrayBuffer(),
        signal: request.signal,
        decompress: false,
      });
    },
    error: (error) => new Response(`pass-through: ${error.message}`, { status: 502 }),
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => void server.stop(true) };
}

if (import.meta.main) {
  const [upstream, port] = process.argv.slice(2);
  if (upstream === undefined) throw new Error("usage: bun bench/pass-through.ts UPSTREAM [PORT]");
  console.log(`listening on ${startPassThrough(upstream, Number(port ?? 0)).url}`);
}
