import { availableParallelism } from "node:os";
import { BUG_NAMES, type BugName } from "./bugs.ts";
import { simulate } from "./run.ts";
import { scenarioOf, troubleText } from "./scenario.ts";
import type { Share, Told } from "./seeds.ts";
import { type Failure, shrink } from "./shrink.ts";

/** `bun run simulate`: the cluster's protocol under a network, disks and a ledger that misbehave, by seed. */
const USAGE = `usage: bun run simulate [--seeds N] [--seed N] [--bug NAME]
  --seeds  how many (2000)
  --seed   the first one (1); with --seeds 1 this one alone
  --bug    plants a mistake: ${BUG_NAMES.join(", ")}`;

function readOptions(args: readonly string[]) {
  let [seeds, seed, bug] = [2_000, 1, undefined as BugName | undefined];
  for (let at = 0; at < args.length; at += 2) {
    const [name, value = ""] = [args[at], args[at + 1]];
    if (name === "--seeds") seeds = Number(value);
    else if (name === "--seed") seed = Number(value);
    else if (name === "--bug") bug = BUG_NAMES.find((one) => one === value);
    else seeds = Number.NaN;
    if (name === "--bug" && bug === undefined) seeds = Number.NaN;
  }
  if (!(Number.isInteger(seeds) && seeds > 0 && Number.isInteger(seed) && seed > 0)) {
    console.error(USAGE);
    process.exit(2);
  }
  return { seeds, seed, bug };
}

const { seeds, seed, bug } = readOptions(process.argv.slice(2));
const workers = Math.min(availableParallelism(), seeds);
const failures: Failure[] = [];
let [done, served, refused, running] = [0, 0, 0, workers];
const over = Promise.withResolvers<void>();
const startedAt = performance.now();

for (let index = 0; index < workers; index += 1) {
  const worker = new Worker(new URL("worker.ts", import.meta.url).href);
  worker.onmessage = ({ data }: MessageEvent<Told | { readonly kind: "over" }>) => {
    if (data.kind === "over") {
      worker.terminate();
      running -= 1;
      if (running === 0) over.resolve();
      return;
    }
    done += 1;
    if (data.kind === "failed") failures.push(data.failure);
    else [served, refused] = [served + data.served, refused + data.refused];
    if (done % 200 === 0) console.log(`${done} of ${seeds} seeds, ${failures.length} went wrong`);
  };
  const share: Share = { from: seed + index, to: seed + seeds - 1, step: workers, bug };
  worker.postMessage(share);
}
await over.promise;

const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
console.log(
  `${seeds} seeds in ${seconds} s: ${failures.length} went wrong; ${served} requests served, ${refused} refused`,
);
failures.sort((a, b) => a.seed - b.seed);
const [first] = failures;
if (first !== undefined) {
  const shortest = await shrink(scenarioOf(first.seed), bug);
  const { fault, at } = await simulate(shortest, bug);
  console.log(`\nseed ${first.seed}: ${fault}, at ${(at / 1_000).toFixed(1)} s of:`);
  for (const trouble of shortest.troubles) console.log(`  ${troubleText(trouble)}`);
  console.log(`  messages: ${JSON.stringify(shortest.faults)}`);
  console.log(
    `again: bun run simulate --seeds 1 --seed ${first.seed}${bug === undefined ? "" : ` --bug "${bug}"`}`,
  );
  for (const { seed: other, outcome } of failures.slice(1, 10))
    console.log(`seed ${other}: ${outcome.fault}`);
}
process.exit(failures.length === 0 ? 0 : 1);
