/** Appends records and tells each one that was acknowledged, until somebody kills it. */
import { systemClock } from "../../../core/clock.ts";
import { keyId, nodeId, requestId, tenantId } from "../../../core/ids.ts";
import { silentLog } from "../../../core/log.ts";
import { ZERO } from "../../../core/points.ts";
import { NO_USAGE } from "../../../core/usage.ts";
import { systemFiles } from "../files.ts";
import { START } from "../position.ts";
import { Spool } from "../spool.ts";

const [, , directory = ""] = process.argv;
const { spool } = Spool.open({
  directory,
  files: systemFiles,
  clock: systemClock,
  log: silentLog,
  floor: START,
  capBytes: 1e9,
  segmentBytes: 10_000,
});
const base = {
  tenant: tenantId("t"),
  key: keyId("k"),
  tier: "normal",
  operation: "chat",
  model: "m",
  at: 0,
} as const;

for (let number = 0; number < 100_000; number += 1) {
  const id = requestId(`r${number}`);
  await spool.intent({ ...base, kind: "intent", id, hold: ZERO });
  process.stdout.write(`intent ${id}\n`);
  if (number % 3 === 0) continue;
  await spool.usage({
    ...base,
    kind: "usage",
    id,
    node: nodeId("n"),
    region: "local",
    stream: null,
    vendor: null,
    vendorModel: null,
    durationMs: 0,
    firstTokenMs: null,
    outcome: "failed",
    finishReason: null,
    errorCode: null,
    usage: NO_USAGE,
    price: null,
    charged: ZERO,
    loss: ZERO,
    attempts: [],
    flags: [],
  });
  process.stdout.write(`usage ${id}\n`);
}
