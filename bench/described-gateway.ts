import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { freePort, startChild } from "./child.ts";
import type { Target } from "./target.ts";

/**
 * Any gateway, by a file: how it is started in front of the mock vendor, and how it is asked. In all texts `{upstream}` is
 * the mock vendor's URL without a path, `{port}` a free port, `{directory}` a folder of its own.
 */
const descriptor = z.strictObject({
  name: z.string().min(1),
  command: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()).optional(),
  /** Written into its folder before it starts: its configuration. */
  files: z.record(z.string().regex(/^[\w.-]+$/), z.string()).optional(),
  /** Of OpenAI's API: `/chat/completions` is added. */
  baseUrl: z.string(),
  /** Sent as a bearer token. */
  key: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** Asked until it answers 200; from the root of the host. */
  readyPath: z.string().startsWith("/"),
  /** Whether it speaks `GET /v1/ws` as Sluice does. */
  hasWebSocket: z.boolean().optional(),
});

const READY_MS = 120_000;
const LOOK_EVERY_MS = 100;

/** @throws Error that names what is wrong with the file, or with the start */
export async function startDescribedGateway(file: string, upstream: string): Promise<Target> {
  const parsed = descriptor.safeParse(await Bun.file(resolve(file)).json());
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  const directory = mkdtempSync(join(tmpdir(), "bench-gateway-"));
  const places = { upstream, port: String(freePort()), directory };
  const filled = (text: string): string =>
    text.replaceAll(/\{(upstream|port|directory)\}/g, (_, name: keyof typeof places) => places[name]);
  const {
    name,
    command,
    env = {},
    files = {},
    key = "none",
    headers = {},
    hasWebSocket = false,
  } = parsed.data;
  for (const [path, text] of Object.entries(files)) await Bun.write(join(directory, path), filled(text));
  const child = startChild(
    "gateway",
    command.map(filled),
    Object.fromEntries(Object.entries(env).map(([variable, text]) => [variable, filled(text)])),
  );
  const stop = async (): Promise<void> => {
    await child.stop(60_000);
    rmSync(directory, { recursive: true, force: true });
  };
  const base = new URL(filled(parsed.data.baseUrl));
  try {
    await ready(new URL(filled(parsed.data.readyPath), base.origin), child.hasExited);
  } catch (thrown) {
    await stop();
    throw new Error(`${name} did not start, see bench/out/gateway.log: ${thrown}`);
  }
  return {
    name,
    url: base.origin,
    path: `${base.pathname.replace(/\/$/, "")}/chat/completions`,
    key: filled(key),
    headers: Object.fromEntries(Object.entries(headers).map(([header, text]) => [header, filled(text)])),
    pid: child.pid,
    hasWebSocket,
    hasExited: child.hasExited,
    checkBooks: () => Promise.resolve(undefined),
    stop,
  };
}

async function ready(url: URL, hasExited: () => boolean): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline && !hasExited()) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  throw new Error(hasExited() ? "it ended" : `${url} is not answered with 200`);
}
