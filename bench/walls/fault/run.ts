import { type Client, type Gateway, micro, startGateway } from "../../../tests/gateway.ts";
import { PRICE } from "./answers.ts";
import type { Case } from "./cases.ts";
import type { Seen } from "./dialects/dialect.ts";
import { differencesOf, type Receipt } from "./differences.ts";
import { expectedOf } from "./expected.ts";
import { type FaultVendor, SECOND_MODEL, startFaultVendor } from "./vendor.ts";
import { WIRES } from "./wires.ts";

/** What came of one case. */
export interface Result {
  readonly case: Case;
  /** Empty: as expected. */
  readonly differences: readonly string[];
}

export interface WallReport {
  readonly results: readonly Result[];
  /** What is wrong beyond single cases: books that do not reconcile, vendors that were never hung up on. */
  readonly broken: readonly string[];
  readonly seconds: number;
}

/** Points of each case's own tenant. */
const PURSE = "10";
/** Short, and above the second between two bytes of a vendor that drips. */
export const TIMEOUTS = { firstToken: "2s", idle: "2s", total: "5s" };
/** Cases at once: most of them wait for a clock. */
const AT_ONCE = 96;
/** How long the books may take to show what was charged, and a vendor to be hung up on. */
const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** Runs the cases against a Sluice of their own: each with a vendor, so that no breaker knows it, and a tenant. */
export async function runWall(cases: readonly Case[]): Promise<WallReport> {
  const startedAt = performance.now();
  const vendor = startFaultVendor();
  try {
    const gateway = await startGateway(configFor(cases, vendor.url));
    try {
      const results = await runAll(cases, (one, number) => runCase(gateway, one, modelOf(number)));
      const broken = [...(await unreconciled(gateway)), ...(await stillRunning(vendor))];
      return { results, broken, seconds: (performance.now() - startedAt) / 1_000 };
    } finally {
      await gateway.dispose();
    }
  } finally {
    vendor.stop();
  }
}

const modelOf = (number: number): string => `case-${number}`;

function configFor(cases: readonly Case[], vendorUrl: string): object {
  const vendors: Record<string, object> = {};
  const models: Record<string, object> = {};
  for (const { name, adapter, baseUrl } of WIRES) {
    const vendor = { adapter, baseUrl: baseUrl(vendorUrl), keys: ["sk-wall"], timeouts: TIMEOUTS };
    vendors[`second-${name}`] = vendor;
    cases.forEach((one, number) => {
      if (one.wire.name === name) vendors[`vendor-${number}`] = vendor;
    });
  }
  cases.forEach(({ fault, wire, hasSecond }, number) => {
    const candidate = (vendor: string, model: string) => ({ vendor, model, price: PRICE, maxOutput: 100 });
    const first = candidate(`vendor-${number}`, fault.name);
    models[modelOf(number)] = hasSecond ? [first, candidate(`second-${wire.name}`, SECOND_MODEL)] : [first];
  });
  return {
    vendors,
    models,
    routing: { strategy: "priority" },
    server: { overload: { minInFlight: 10_000 } },
  };
}

/** `AT_ONCE` of them at a time, in order. */
export async function runAll(
  cases: readonly Case[],
  run: (one: Case, number: number) => Promise<readonly string[]>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const waiting = cases.entries();
  const work = async (): Promise<void> => {
    for (const [number, one] of waiting) {
      const differences = await run(one, number).catch((thrown: unknown) => [`broke off: ${String(thrown)}`]);
      results[number] = { case: one, differences };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

async function runCase(gateway: Gateway, one: Case, model: string): Promise<readonly string[]> {
  const client = await gateway.client(PURSE);
  const differences: string[] = [];
  let charged = 0n;
  for (let round = one.fault.rounds ?? 1; round > 0; round -= 1) {
    const withTool = one.fault.answer?.call !== undefined;
    const seen = await one.dialect.ask({
      url: gateway.url,
      key: client.key,
      model,
      mode: one.mode,
      withTool,
    });
    const receipt = await receiptOf(client, seen);
    differences.push(...differencesOf(expectedOf(one, seen.bytes), seen, receipt));
    charged += micro(receipt?.charged ?? "0");
  }
  return [...differences, ...(await wrongBalance(client, charged))];
}

/** The receipt of a request that has just ended may still be on its way. */
async function receiptOf(client: Client, { request }: Seen): Promise<Receipt | undefined> {
  let receipt: Receipt | undefined;
  await within(async () => {
    const response = await client.get(`/v1/receipts/${request}`);
    if (response.ok) receipt = (await response.json()) as Receipt;
    else await response.arrayBuffer();
    return receipt !== undefined;
  });
  return receipt;
}

async function wrongBalance(client: Client, charged: bigint): Promise<readonly string[]> {
  const left = micro(PURSE) - charged;
  let told = "";
  const isRight = await within(async () => {
    const { balance, spent, reserved } = await client.balance();
    told = `balance ${balance}, spent ${spent}, reserved ${reserved}`;
    return micro(balance) === left && micro(spent) === charged && micro(reserved) === 0n;
  });
  return isRight ? [] : [`${told} after ${charged} micropoints were charged`];
}

async function unreconciled(gateway: Gateway): Promise<readonly string[]> {
  const { checks } = await gateway.admin<{ checks: { name: string; ok: boolean; detail: string }[] }>(
    "GET",
    "/ledger/reconcile",
  );
  return checks.flatMap(({ name, ok, detail }) => (ok ? [] : [`reconciliation: ${name}: ${detail}`]));
}

async function stillRunning(vendor: FaultVendor): Promise<readonly string[]> {
  const isQuiet = await within(() => Promise.resolve(vendor.running === 0));
  return isQuiet ? [] : [`${vendor.running} calls of the vendor were never hung up on`];
}

/** Looks again and again, for a while. */
async function within(isSo: () => Promise<boolean>): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > until) return false;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  return true;
}
