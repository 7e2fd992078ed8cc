import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MODELS } from "./cases.ts";
import { freePort, startChild } from "./child.ts";
import { tokensOf } from "./load/plan.ts";
import { PROMPT_TOKENS, type ServedAccount } from "./mock-vendor.ts";
import { commandOf, descendantsOf } from "./process-usage.ts";
import type { Books, Target } from "./target.ts";

/** Points per million tokens, so many micropoints each. */
const PRICE = { input: 2, output: 8 } as const;
const VENDOR_KEY = "sk-bench-vendor";
const TENANT = "bench";
const TOP_UP = "1000000";
const READY_MS = 120_000;
/** So much that they are never reached: what is measured is taking from them. */
const PLENTY = { qps: 1_000_000, burst: 1_000_000 };
const PLENTY_OF_TOKENS = { ...PLENTY, tpm: 1_000_000_000_000, concurrency: 1_000_000 };
const MICRO = 1_000_000n;

export interface SluiceOptions {
  /** Processes on one port; absent: one. */
  readonly workers?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Besides those of the benches. */
  readonly models?: readonly string[];
  /** Address that it listens on; absent: the loopback. */
  readonly host?: string;
}

export interface SluiceTarget extends Target {
  /** Further keys of the same tenant. */
  newKeys(count: number): Promise<readonly string[]>;
}

/** Sluice as an operator starts it, everything on, with an embedded Postgres and a data directory of its own. */
export async function startSluiceTarget(mockUrl: string, options: SluiceOptions = {}): Promise<SluiceTarget> {
  const { workers = 1, env = {}, models = [], host = "127.0.0.1" } = options;
  const directory = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const config = join(directory, "sluice.yaml");
  await Bun.write(config, Bun.YAML.stringify(sluiceConfig(mockUrl, [...MODELS, ...models]), null, 2));
  const adminKey = `bench-${crypto.randomUUID()}`;
  const url = `http://127.0.0.1:${freePort()}`;
  const child = startChild("sluice", [process.execPath, "src/main.ts"], {
    PORT: new URL(url).port,
    HOST: host,
    SLUICE_WORKERS: String(workers),
    SLUICE_DATA_DIR: join(directory, "data"),
    SLUICE_CONFIG: config,
    SLUICE_ADMIN_KEY: adminKey,
    DATABASE_URL: undefined,
    NATS_URL: undefined,
    REDIS_URL: undefined,
    NODE_ENV: "production",
    ...env,
  });
  const stop = async (): Promise<void> => {
    const below = descendantsOf(child.pid);
    await child.stop(60_000);
    // Its Postgres, if the gateway could not stop it: known by the directory, should the id be another's by now.
    for (const pid of below) if (commandOf(pid).includes(directory)) process.kill(pid, "SIGQUIT");
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await ready(url, child.hasExited);
    if (workers > 1) await child.listening();
    const admin = adminClient(url, adminKey);
    await admin("POST", "/tenants", { id: TENANT, name: "Bench", tier: "normal" });
    const { balance } = await admin<{ balance: string }>("POST", `/tenants/${TENANT}/topups`, {
      points: TOP_UP,
      reference: "bench-1",
    });
    const newKey = async (): Promise<string> => {
      const limits = { ...PLENTY, concurrency: 1_000_000 };
      const budget = { points: TOP_UP, period: "month" };
      const body = { name: "bench", limits, budget };
      return (await admin<{ key: string }>("POST", `/tenants/${TENANT}/keys`, body)).key;
    };
    const key = await newKey();
    return {
      name: "Sluice",
      url,
      key,
      pid: child.pid,
      hasWebSocket: true,
      hasExited: child.hasExited,
      async newKeys(count) {
        const keys: string[] = [];
        while (keys.length < count) keys.push(await newKey());
        return keys;
      },
      checkBooks: () => checkBooks(admin, mockUrl, microOf(balance)),
      stop,
    };
  } catch (error) {
    await stop();
    const log = await Bun.file("bench/out/sluice.log").text();
    throw new Error(`Sluice could not be set up: ${error}\n${log.slice(-2000)}`);
  }
}

/** Everything on, with limits that are taken from and never reached. */
export const sluiceConfig = (mockUrl: string, models: readonly string[] = MODELS): object => ({
  vendors: {
    mock: { adapter: "openai-compatible", baseUrl: `${mockUrl}/v1`, keys: [VENDOR_KEY], limits: PLENTY },
  },
  models: Object.fromEntries(
    models.map((model) => [model, [{ vendor: "mock", model, price: PRICE, maxOutput: 4096 }]]),
  ),
  // Every level there is: everything, the tenant by its tier, the model with its tokens, the path; the key has its own.
  rateLimit: {
    global: PLENTY,
    tiers: { normal: PLENTY },
    models: Object.fromEntries(models.map((model) => [model, PLENTY_OF_TOKENS])),
    api: { "/v1/chat/completions": { rate: "1000000/second", cost: `${TOP_UP}/day` } },
  },
  // What is measured is the path of a request, not when it is refused.
  server: { overload: { lag: "10s", maxInFlight: 1_000_000 } },
});

async function ready(url: string, hasExited: () => boolean): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline && !hasExited()) {
    const response = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (response?.ok === true) return;
    await Bun.sleep(50);
  }
  throw new Error(hasExited() ? "it ended" : "it did not become ready");
}

type Admin = <Answer>(method: "GET" | "POST", path: string, body?: object) => Promise<Answer>;

function adminClient(url: string, key: string): Admin {
  return async <Answer>(method: "GET" | "POST", path: string, body?: object): Promise<Answer> => {
    const response = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    const answer: Answer = JSON.parse(text);
    return answer;
  };
}

interface Reconciliation {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail?: unknown }[];
}

interface UsageReport {
  readonly data: readonly { readonly cost: string }[];
}

/** Debits, credits and the vendor's own count must come to the same. */
async function checkBooks(admin: Admin, mockUrl: string, before: bigint): Promise<Books> {
  const { ok, checks } = await admin<Reconciliation>("GET", "/ledger/reconcile");
  const { balance } = await admin<{ balance: string }>("GET", `/tenants/${TENANT}/balance`);
  const usage = await admin<UsageReport>("GET", "/usage?group_by=model");
  const change = before - microOf(balance);
  const costs = usage.data.reduce((sum, { cost }) => sum + microOf(cost), 0n);
  const served = await servedCost(mockUrl);
  return {
    reconciles: ok,
    failedChecks: checks
      .filter((check) => !check.ok)
      .map(({ name, detail }) => `${name}: ${JSON.stringify(detail)}`),
    balanceChange: pointsOf(change),
    sumOfCosts: pointsOf(costs),
    servedByVendor: pointsOf(served),
    agree: change === costs && change === served,
  };
}

async function servedCost(mockUrl: string): Promise<bigint> {
  const account: ServedAccount = JSON.parse(await (await fetch(`${mockUrl}/account`)).text());
  return Object.entries(account.completed[VENDOR_KEY] ?? {}).reduce((sum, [model, count]) => {
    const each = PROMPT_TOKENS * PRICE.input + tokensOf(model) * PRICE.output;
    return sum + BigInt(count) * BigInt(each);
  }, 0n);
}

function microOf(points: string): bigint {
  const [, sign = "", whole = "", part = ""] = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(points) ?? [];
  if (whole === "") throw new Error(`not an amount: ${points}`);
  const amount = BigInt(whole) * MICRO + BigInt(part.padEnd(6, "0"));
  return sign === "-" ? -amount : amount;
}

function pointsOf(micro: bigint): string {
  const size = micro < 0n ? -micro : micro;
  const part = String(size % MICRO)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return `${micro < 0n ? "-" : ""}${size / MICRO}${part === "" ? "" : `.${part}`}`;
}
