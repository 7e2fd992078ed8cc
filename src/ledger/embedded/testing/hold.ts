/** A process of its own that runs a server on the directory it is given, says its process id, and waits to be killed. */
import { systemClock } from "../../../core/clock.ts";
import { systemRandom } from "../../../core/random.ts";
import { startEmbeddedPostgres } from "../embedded-postgres.ts";

const [directory = ""] = process.argv.slice(2);
const server = await startEmbeddedPostgres({
  directory,
  clock: systemClock,
  random: systemRandom,
  onProgress: () => {},
  isThrowaway: true,
});
process.stdout.write(`${server.pid}\n`);
await new Promise(() => systemClock.every(60_000, () => {}));
