import { findProgram } from "../../../scripts/servers.ts";

/** Redis for a wall: the one REDIS_URL names, else one of its own that keeps nothing on disk. */
export async function startRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const found = await findProgram("redis");
  if (found.via === "environment") return { url: found.url, stop: async () => {} };
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = Bun.spawn([...found.command, ...settings], { stdio: ["ignore", "ignore", "ignore"] });
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
