import { join } from "node:path";
import { startMockVendor } from "../../tests/mock-vendor.ts";
import { OUT, ROOT, startChild } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";
import { machineFacts } from "../machine.ts";
import { STREAMS, withPart } from "../readme.ts";
import { measureDelay, TOKENS_A_SECOND } from "./delay.ts";
import { measureLeaving, startPatientVendor } from "./leaving.ts";
import { type MeasuredNode, startAlone, startInCluster } from "./measured-node.ts";
import { measureMemory } from "./memory.ts";
import { isKept, markdown, type NodeFigures, type StreamFigures } from "./report.ts";

/**
 * `bun run bench:streams [STREAMS] [--dry]`: what a running resumable stream costs its node in memory, how much later its
 * words come through, alone and copied to a cluster; and how soon a vendor is hung up on. See bench/README.md.
 */
process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(args, "bun run bench:streams [STREAMS] [--dry]");
const streams = Number(args.find((one) => /^\d+$/.test(one)) ?? 1_000);
const SPEAKS = `bench-600-at-${TOKENS_A_SECOND}`;
const SILENT = "silent";
const PATIENT = "patient";

const speaking = startChild("mock-vendor", [process.execPath, "bench/mock-vendor.ts"]);
const silent = startMockVendor();
const patient = startPatientVendor();
try {
  const config = configFor(`${await speaking.listening()}/v1`);
  const alone = await startAlone(config);
  const leaving = await measureLeaving(alone.gateway, patient, PATIENT);
  const figures: StreamFigures = {
    leaving,
    nodes: [await figuresOf("alone", alone), await figuresOf("copied", await startInCluster(config))],
  };
  const { date, commit, processor, cores } = machineFacts("");
  const text = markdown(figures, `${date}, commit ${commit}; ${processor}, ${cores} cores`);
  console.log(`\n${text}\n`);
  await Bun.write(join(OUT, "streams.md"), text);
  if (!args.includes("--dry")) {
    const readme = join(ROOT, "bench/README.md");
    await Bun.write(readme, withPart(await Bun.file(readme).text(), STREAMS, text));
  }
  process.exitCode = isKept(figures) ? 0 : 1;
} finally {
  await speaking.stop();
  silent.stop();
  patient.stop();
}
process.exit();

function configFor(speakingUrl: string): object {
  const price = { input: 1, output: 1 };
  const timeouts = { idle: "300s", total: "600s" };
  const vendor = (baseUrl: string) => ({
    adapter: "openai-compatible",
    baseUrl,
    keys: ["sk-bench"],
    timeouts,
  });
  return {
    vendors: { speaking: vendor(speakingUrl), silent: vendor(silent.url), patient: vendor(patient.url) },
    models: {
      [SPEAKS]: [{ vendor: "speaking", model: SPEAKS, price }],
      [SILENT]: [{ vendor: "silent", model: SILENT, price }],
      [PATIENT]: [{ vendor: "patient", model: PATIENT, price }],
    },
    server: { overload: { minInFlight: 20_000 } },
  };
}

async function figuresOf(name: string, node: MeasuredNode): Promise<NodeFigures> {
  try {
    const memory = await measureMemory(node, silent, SILENT, streams);
    return { name, memory, delay: await measureDelay(node, SPEAKS, streams) };
  } finally {
    await node.dispose();
  }
}
