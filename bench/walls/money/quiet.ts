import type { ClientRecord, Finding } from "./books.ts";
import { ask, type Payer } from "./client.ts";
import { within } from "./operator.ts";
import { MODEL, type World } from "./world.ts";

/** Everything is healed: nodes come back, leases run out, spools are read. What is not well after this stays wrong. */
const QUIET_MS = 75_000;
const CHECK_MS = 20_000;
const BETWEEN_CHECKS_MS = 1_000;

/** Waits until every node itself finds nothing wrong; answers what they still do after a while. */
export async function quiet(world: World, say: (line: string) => void): Promise<readonly string[]> {
  const deadline = performance.now() + QUIET_MS;
  let told = "";
  for (;;) {
    const broken = await brokenChecks(world);
    if (broken.length === 0 || performance.now() > deadline) return broken;
    const now = broken.join("; ");
    if (now !== told) say(`not quiet: ${now.slice(0, MOST_TOLD)}`);
    told = now;
    await Bun.sleep(BETWEEN_CHECKS_MS);
  }
}

const MOST_TOLD = 600;

interface Reconciliation {
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

async function brokenChecks({ nodes }: World): Promise<readonly string[]> {
  const broken: string[] = [];
  for (const { name: node, gateway } of nodes) {
    try {
      const asked = gateway.admin<Reconciliation>("GET", "/ledger/reconcile");
      const { checks } = await within(CHECK_MS, asked);
      for (const { name, ok, detail } of checks) if (!ok) broken.push(`${node}: ${name}: ${detail}`);
    } catch (thrown) {
      broken.push(`${node}: no answer: ${String(thrown)}`);
    }
  }
  return broken;
}

const AT_ONCE = 32;
/**
 * All nodes deny all along for so long: an owner does not wait for a node for 5 s that did not answer its recall in
 * time, as happens on a busy machine, and denies what is there meanwhile.
 */
const DENIED_MS = 7_000;
/** A denial is remembered for a quarter of a second. */
const BETWEEN_DENIALS_MS = 500;
const MOST_ROUNDS = 3_000;
const REST_MS = 45_000;

/**
 * With everything well again nobody may be denied what is there: spends a balance to its end, on all nodes at once.
 * Answers true when all denied in the end.
 */
export async function spendTheRest(
  { nodes }: World,
  payer: Payer,
  records: ClientRecord[],
): Promise<boolean> {
  const deadline = performance.now() + REST_MS;
  let deniedSince: number | undefined;
  for (let round = 0; round < MOST_ROUNDS && performance.now() < deadline; round += 1) {
    const tried = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) => {
        const url = nodes[(round + index) % nodes.length]?.gateway.url ?? "";
        return ask(url, { payer, number: `rest-${round}-${index}`, model: MODEL, isStream: false });
      }),
    );
    records.push(...tried);
    const isDenied = tried.every((one) => one.seen === "refused" && one.status === 402);
    deniedSince = isDenied ? (deniedSince ?? performance.now()) : undefined;
    if (deniedSince === undefined) continue;
    if (performance.now() - deniedSince >= DENIED_MS) return true;
    await Bun.sleep(BETWEEN_DENIALS_MS);
  }
  return false;
}

/** A key that was revoked opens nothing, on no node. */
export async function stillValid(
  { nodes }: World,
  payer: Payer,
  records: ClientRecord[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { name, gateway } of nodes) {
    const tried = await ask(gateway.url, { payer, number: `revoked-${name}`, model: MODEL, isStream: false });
    records.push(tried);
    const isRefused = tried.seen === "refused" && tried.status === 401;
    if (!isRefused)
      findings.push({
        kind: "key still valid",
        detail: `${name} answers the revoked key of ${payer.tenant}`,
      });
  }
  return findings;
}
