import { closeSync, openSync } from "node:fs";
import type { Config } from "./config/config.ts";
import { configPath, loadConfig } from "./config/load.ts";
import { ConfigError, formatProblem } from "./config/problems.ts";
import { readTextFile } from "./config/read-file.ts";
import { systemTriggers } from "./config/reload-triggers.ts";
import { watchConfig } from "./config/watch.ts";
import { systemClock as clock } from "./core/clock.ts";
import { createLog, type Log } from "./core/log.ts";
import { startNode } from "./main/node.ts";
import { serveParent } from "./main/workers/as-worker.ts";
import { startWorkers, workerCount } from "./main/workers/start-workers.ts";

const USAGE = `Usage: bun run start

Starts the gateway. It takes no arguments: what there is to set is in the environment (PORT, SLUICE_DATA_DIR,
DATABASE_URL, vendors' keys …) and in sluice.yaml, or the file that SLUICE_CONFIG names. README.md, "Configure", has all
of it; "bun run config check" checks it without starting.
`;

/** Starts a gateway and keeps it in step with its configuration until somebody stops it. */
async function main(plain: Log): Promise<void> {
  const load = () => loadConfig({ env: process.env, readFile: readTextFile });
  const config = readConfig(load, plain);
  const log = config.worker === undefined ? plain : plain.child({ worker: config.worker.number });
  // One broken callback must not take every other stream down; what it left unfinished, the spool knows.
  process.on("uncaughtException", (thrown) =>
    log.error("an exception nobody caught", { cause: causeOf(thrown) }),
  );
  process.on("unhandledRejection", (thrown) =>
    log.error("a rejection nobody caught", { cause: causeOf(thrown) }),
  );
  const isParent = config.worker === undefined && workerCount(config) > 1;
  const running: Running = isParent ? await startWorkers(config, log) : await follow(config, load, log);
  let isStopping = false;
  const stop = (exitCode = 0) => {
    if (isStopping) {
      running.hurry();
      return;
    }
    isStopping = true;
    running.stop().then(
      () => process.exit(exitCode),
      (thrown: unknown) => fail(log, thrown),
    );
  };
  process.on("SIGINT", () => stop());
  process.on("SIGTERM", () => stop());
  void running.over?.then((reason) => {
    log.error(`${reason} This process stops; started again, it begins anew.`);
    stop(1);
    running.hurry();
  });
  // The same signal asks for a reload and tells that the terminal was closed: then nobody is left to stop us.
  const isOnTerminal = process.stdout.isTTY === true && config.worker === undefined;
  process.on("SIGHUP", () => {
    if (isOnTerminal && !hasTerminal()) stop();
    else running.reload?.();
  });
  if (config.worker === undefined) return;
  serveParent(() => {
    log.error("the parent of this worker is gone: it ends at once");
    process.exit(1);
  });
}

interface Running {
  /** Resolves with the reason when this process must stop. */
  readonly over?: Promise<string>;
  stop(): Promise<void>;
  hurry(): void;
  /** Absent: SIGHUP is listened to already. */
  reload?(): void;
}

/** A node that follows its configuration. */
async function follow(config: Config, load: () => Config, log: Log): Promise<Running> {
  const node = await startNode(config, log);
  const path = configPath({ env: process.env });
  const triggers = systemTriggers(log);
  const watch = watchConfig({ current: config, path, load, apply: node.apply, triggers, clock, log });
  return {
    over: node.over,
    hurry: node.hurry,
    stop() {
      watch.stop();
      return node.stop();
    },
  };
}

function readConfig(load: () => Config, log: Log): Config {
  try {
    return load();
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    for (const problem of thrown.problems) log.error(formatProblem(problem));
    process.exit(1);
  }
}

/** Opening it fails once the terminal that controls this process is gone. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

const causeOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);

function fail(log: Log, thrown: unknown): never {
  log.error(thrown instanceof Error ? thrown.message : String(thrown));
  process.exit(1);
}

/** Whoever asks what can be said on the command line is told, and nothing is started. */
function answerArguments(given: readonly string[]): void {
  if (given.length === 0) return;
  const wantsHelp = given.some((argument) => argument === "--help" || argument === "-h");
  process[wantsHelp ? "stdout" : "stderr"].write(
    wantsHelp ? USAGE : `Unknown: ${given.join(" ")}\n\n${USAGE}`,
  );
  process.exit(wantsHelp ? 0 : 2);
}

answerArguments(process.argv.slice(2));
const log = createLog({ terminal: process.stdout.isTTY === true });
main(log).catch((thrown: unknown) => fail(log, thrown));
