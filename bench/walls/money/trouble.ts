import type { Mischief, MischiefKind } from "./mischief.ts";
import { signal, type WallNode, type World } from "./world.ts";

/** How often a node that does not come up is started again, a second apart: its NATS may be away for a minute. */
const MOST_STARTS = 90;

/** Killed, and not ready again yet. */
const starting = new WeakSet<WallNode["gateway"]>();

/** Does what is planned at its time, and undoes it. */
export async function commit(
  world: World,
  { kind, target, from, until }: Mischief,
  startedAt: number,
  say: (line: string) => void,
): Promise<void> {
  const at = (ms: number) => Bun.sleep(Math.max(0, startedAt + ms - performance.now()));
  await at(from);
  if (world.closing.aborted) return;
  say(`${kind} ${target + 1} for ${((until - from) / 1_000).toFixed(1)} s`);
  const undo = await begin(world, kind, target);
  await at(until);
  if (!world.closing.aborted) await undo();
}

async function begin(world: World, kind: MischiefKind, target: number): Promise<() => Promise<void> | void> {
  return kind === "kill NATS server" || kind === "pause NATS server"
    ? troubleServer(world, kind, target)
    : troubleNode(world, kind, target);
}

type ServerTrouble = "kill NATS server" | "pause NATS server";

async function troubleServer(
  { natsServers }: World,
  kind: ServerTrouble,
  target: number,
): Promise<() => Promise<void> | void> {
  const server = natsServers[target];
  if (server === undefined) throw new Error(`there is no NATS server ${target + 1}`);
  if (kind === "kill NATS server") {
    await server.kill();
    return server.restart;
  }
  server.pause();
  return server.resume;
}

async function troubleNode(
  { nodes, closing }: World,
  kind: Exclude<MischiefKind, ServerTrouble>,
  target: number,
): Promise<() => Promise<void> | void> {
  const node = nodes[target];
  if (node === undefined) throw new Error(`there is no node ${target + 1}`);
  const { gateway, toNats, toPostgres } = node;
  const isProcess = kind === "kill node" || kind === "pause node";
  // A start takes as long as it takes: a second one beside it would leave two processes of one name.
  if (isProcess && starting.has(gateway)) return () => {};
  switch (kind) {
    case "kill node":
      starting.add(gateway);
      await gateway.kill();
      return () => startAgain(node, closing).finally(() => starting.delete(gateway));
    case "pause node": {
      const { pid } = gateway;
      signal(pid, "SIGSTOP");
      return () => signal(pid, "SIGCONT");
    }
    case "cut node from NATS":
      for (const network of toNats) network.cut();
      return () => healAll(toNats);
    case "stall node's NATS":
      for (const network of toNats) network.stall();
      return () => healAll(toNats);
    case "cut node from Postgres":
      toPostgres.cut();
      return toPostgres.heal;
    case "stall node's Postgres":
      toPostgres.stall();
      return toPostgres.heal;
    case "reset node's connections":
      for (const network of [toPostgres, ...toNats]) network.reset();
      return () => {};
  }
}

function healAll(networks: WallNode["toNats"]): void {
  for (const network of networks) network.heal();
}

/** A node whose NATS has no majority does not come up at once. */
async function startAgain({ gateway }: WallNode, closing: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await gateway.restart();
      return;
    } catch (thrown) {
      if (tries >= MOST_STARTS || closing.aborted) throw thrown;
      // It may still be trying: two of one name would be one too many.
      await gateway.kill();
      await Bun.sleep(1_000);
    }
  }
}
