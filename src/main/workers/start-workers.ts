import { availableParallelism } from "node:os";
import type { Config } from "../../config/config.ts";
import { systemClock as clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { announce, refuseUnsupported, showAdminKey } from "../node.ts";
import { type KeptProcess, keepRunning } from "./kept-process.ts";
import { openServersBeneath } from "./servers-beneath.ts";
import { launchWorker } from "./worker-process.ts";

/** Several processes that are one gateway on one port. */
export interface Workers {
  readonly url: string;
  /** Lets all of them read their configuration again. */
  reload(): void;
  /** Drains and stops all of them, then what they stand on. */
  stop(): Promise<void>;
  /** Cuts the wait for running requests short. */
  hurry(): void;
}

/** Beyond the time for running requests: what is stopped then has to be settled and flushed. */
const SETTLE_MS = 30_000;

export const workerCount = ({ workers }: Config): number =>
  workers === "auto" ? availableParallelism() : workers;

/** @throws Error with what to do when one of them does not start */
export async function startWorkers(config: Config, log: Log): Promise<Workers> {
  const startedAt = clock.monotonic();
  refuseElsewhere();
  refuseUnsupported(config);
  const port = freePort(config);
  const count = workerCount(config);
  const shared = await openServersBeneath(config, count, log);
  // At once: if something after this fails, nobody will be told again.
  if (shared.adminKeyShownOnce !== undefined) showAdminKey(shared.adminKeyShownOnce);
  const { nodes, isAlone } = shared;
  const env = { ...shared.env, PORT: String(port), HOST: config.host };
  const starting = nodes.map((_, at) => {
    const place = { number: at + 1, nodes, isAlone };
    return keepRunning({
      name: `worker ${place.number}`,
      launch: (unwanted) => launchWorker({ place, env, clock }, unwanted),
      clock,
      log,
    });
  });
  const workers = await allOrNone(starting, config).catch(async (thrown: unknown) => {
    await shared.close();
    throw thrown;
  });
  const url = `http://${config.host === "0.0.0.0" ? "localhost" : config.host}:${port}`;
  log.info("workers share the port", { workers: count, pids: workers.map((worker) => worker.pid()) });
  announce(log, url, clock.monotonic() - startedAt);
  const signalAll = (name: NodeJS.Signals): void => {
    for (const worker of workers) worker.signal(name);
  };
  return {
    url,
    reload: () => signalAll("SIGHUP"),
    hurry: () => signalAll("SIGTERM"),
    async stop() {
      log.info("draining all workers");
      await Promise.all(workers.map((worker) => worker.stop(config.drainTimeoutMs + SETTLE_MS)));
      await shared.close();
      log.info("stopped");
    },
  };
}

/** A gateway of which a part does not start is not started. */
async function allOrNone(
  starting: readonly Promise<KeptProcess>[],
  config: Config,
): Promise<readonly KeptProcess[]> {
  const started = await Promise.allSettled(starting);
  const workers = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = started.find((one) => one.status === "rejected");
  if (failed === undefined) return workers;
  await Promise.all(workers.map((worker) => worker.stop(config.drainTimeoutMs + SETTLE_MS)));
  throw failed.reason;
}

/** Where the kernel does not spread the connections of one port over processes, one of them would get all. */
function refuseElsewhere(): void {
  if (process.platform === "linux") return;
  throw new Error(
    `Several workers share a port by SO_REUSEPORT as Linux has it; this is ${process.platform}. ` +
      "Unset SLUICE_WORKERS (server.workers), or start several nodes behind a balancer.",
  );
}

/**
 * Workers would share the port with whoever else shares it: it must be nobody's.
 * @throws Error that names the setting
 */
function freePort({ host, port }: Config): number {
  try {
    const probe = Bun.listen({ hostname: host, port, exclusive: true, socket: { data() {} } });
    const { port: free } = probe;
    probe.stop(true);
    return free;
  } catch (cause) {
    throw new Error(`${host}:${port} cannot be listened on: is it in use? Set PORT or HOST to another.`, {
      cause,
    });
  }
}
