import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { freePort } from "./free-port.ts";

/** A gateway as an operator runs it: a process of its own with its own data, configured by a file. */
export interface Gateway {
  readonly url: string;
  readonly pid: number;
  readonly directory: string;
  /** A call of the admin API; throws on anything but 2xx. */
  admin<Answer = Record<string, unknown>>(method: string, path: string, body?: object): Promise<Answer>;
  /** A client key of a new tenant with so many points. */
  client(points: string, key?: object): Promise<Client>;
  /** Replaces the configuration file; the gateway reloads by itself. */
  configure(config: object): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for the drain. */
  stop(): Promise<void>;
  /** The same data, a new process, the same port. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  dispose(): Promise<void>;
  log(): string;
}

export interface Client {
  readonly tenant: string;
  readonly key: string;
  readonly keyId: string;
  /** A request with the key; `body` is sent as JSON. */
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Response>;
  get(path: string): Promise<Response>;
  balance(): Promise<Balance>;
}

export interface Balance {
  readonly balance: string;
  readonly reserved: string;
  readonly available: string;
  readonly spent: string;
}

const ADMIN_KEY = "sk-admin-for-tests";
const START_MS = 60_000;
let tenants = 0;

/** Starts a gateway and waits until it is ready. */
export async function startGateway(config: object, env: Record<string, string> = {}): Promise<Gateway> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const file = join(directory, "sluice.yaml");
  const configure = async (next: object): Promise<void> =>
    void (await Bun.write(file, JSON.stringify(next, null, 2)));
  await configure(config);
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  let lines = "";
  let child: Subprocess<"ignore", "pipe", "pipe">;

  const start = async (): Promise<void> => {
    child = Bun.spawn([process.execPath, join(import.meta.dir, "../src/main.ts")], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      cwd: directory,
      env: {
        PATH: process.env.PATH,
        HOST: "127.0.0.1",
        PORT: String(port),
        SLUICE_CONFIG: file,
        SLUICE_DATA_DIR: join(directory, "data"),
        SLUICE_ADMIN_KEY: ADMIN_KEY,
        BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
        ...env,
      },
    });
    for (const stream of [child.stdout, child.stderr])
      void collect(stream, (text) => (lines = (lines + text).slice(-100_000)));
    await ready(url, child, () => lines);
  };

  const admin = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
    const response = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  };

  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    child.kill(signal);
    await child.exited;
  };

  await start();
  return {
    url,
    directory,
    admin,
    configure,
    get pid() {
      return child.pid;
    },
    client: (points, key) => newClient(url, admin, points, key),
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    restart: start,
    async dispose() {
      await end("SIGTERM");
      await rm(directory, { recursive: true, force: true });
    },
    log: () => lines,
  };
}

async function newClient(
  url: string,
  admin: Gateway["admin"],
  points: string,
  options: object = {},
): Promise<Client> {
  tenants += 1;
  const tenant = `tenant-${process.pid}-${tenants}`;
  await admin("POST", "/tenants", { id: tenant, name: "Test" });
  if (points !== "0") await admin("POST", `/tenants/${tenant}/topups`, { points, reference: "first" });
  const { id, key } = await admin<{ id: string; key: string }>("POST", `/tenants/${tenant}/keys`, {
    name: "test",
    ...options,
  });
  const authorization = `Bearer ${key}`;
  return {
    tenant,
    key,
    keyId: id,
    post: (path, body, headers = {}, signal) =>
      fetch(url + path, {
        method: "POST",
        headers: { authorization, "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      }),
    get: (path) => fetch(url + path, { headers: { authorization } }),
    balance: () => admin<Balance>("GET", `/tenants/${tenant}/balance`),
  };
}

async function ready(url: string, child: Subprocess, log: () => string): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the gateway ended at once:\n${log()}`);
    const response = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (response?.ok === true) return;
    await Bun.sleep(25);
  }
  throw new Error(`the gateway did not become ready:\n${log()}`);
}

async function collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
}

/** The micropoints of a decimal amount. */
export function micro(points: string): bigint {
  const [whole = "0", fraction = ""] = points.replace("-", "").split(".");
  const amount = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
  return points.startsWith("-") ? -amount : amount;
}

/** The comment that tells a stream's charge. */
export function sluiceComment(sse: string): { outcome: string; cost: string; vendor: string } | undefined {
  const line = /^: sluice (.*)$/m.exec(sse)?.[1];
  return line === undefined
    ? undefined
    : (JSON.parse(line) as { outcome: string; cost: string; vendor: string });
}
