import { describe, expect, test } from "bun:test";
import type { Log } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import type { Config } from "./config.ts";
import { loadConfig } from "./load.ts";
import { SETTLE_MS, watchConfig } from "./watch.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A configuration under watch, with a file, a signal and a clock in the test's hand. */
function watched(
  options: { readonly text?: string; readonly apply?: (config: Config) => void | Promise<void> } = {},
) {
  const file: { text: string | undefined } = { text: options.text ?? "server: { port: 1 }" };
  const applied: Config[] = [];
  const lines: Line[] = [];
  const hooks: { changed: () => void; hangup: () => void } = { changed: () => {}, hangup: () => {} };
  const stopped: string[] = [];
  const clock = new ManualClock();
  const load = () => loadConfig({ env: {}, readFile: () => file.text });
  const watch = watchConfig({
    current: load(),
    path: "sluice.yaml",
    load,
    apply: options.apply ?? ((config) => void applied.push(config)),
    clock,
    log: recorder(lines),
    triggers: {
      watchFile(path, changed) {
        hooks.changed = changed;
        return () => void stopped.push(path);
      },
      onHangup(run) {
        hooks.hangup = run;
        return () => void stopped.push("SIGHUP");
      },
    },
  });
  return { file, applied, lines, hooks, stopped, clock, watch };
}

/** Lets what was started come to its end: nothing of it waits for more than promises. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function recorder(lines: Line[]): Log {
  const add = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) =>
    void lines.push({ level, message, fields: fields ?? {} });
  const log: Log = {
    debug: add("debug"),
    info: add("info"),
    warn: add("warn"),
    error: add("error"),
    child: () => log,
  };
  return log;
}

describe("a configuration under watch", () => {
  test("is read once after a burst of changes has settled", async () => {
    const { file, hooks, clock, applied, watch } = watched();
    file.text = "";
    hooks.changed();
    await clock.advance(SETTLE_MS - 1);
    file.text = "server: { drainTimeout: 9s }";
    hooks.changed();
    await clock.advance(SETTLE_MS - 1);
    expect(applied).toHaveLength(0);
    await clock.advance(1);
    await settled();
    expect(applied.map((config) => config.drainTimeoutMs)).toEqual([9_000]);
    expect(watch.current.drainTimeoutMs).toBe(9_000);
  });

  test("is read at once on SIGHUP", async () => {
    const { file, hooks, applied } = watched();
    file.text = "server: { drainTimeout: 9s }";
    hooks.hangup();
    await settled();
    expect(applied).toHaveLength(1);
  });

  test("answers a SIGHUP that finds nothing new", async () => {
    const { hooks, applied, lines } = watched();
    hooks.hangup();
    await settled();
    expect(applied).toHaveLength(0);
    expect(lines[0]?.message).toBe("configuration read again: nothing has changed");
  });

  test("is not applied again when the text is the same", async () => {
    const { hooks, clock, applied, lines } = watched();
    hooks.changed();
    await clock.advance(SETTLE_MS);
    await settled();
    expect(applied).toHaveLength(0);
    expect(lines).toHaveLength(0);
  });

  test("stays in force when the new one is bad, and every problem is told with its line", async () => {
    const { file, hooks, clock, applied, lines, watch } = watched();
    file.text = "server:\n  prot: 1\nmodels:\n  m: [{ vendor: x, model: y, price: free }]\n";
    hooks.changed();
    await clock.advance(SETTLE_MS);
    await settled();
    expect(applied).toHaveLength(0);
    expect(watch.current.port).toBe(1);
    expect(lines).toEqual([
      {
        level: "error",
        message: "configuration not reloaded, the old one stays in force",
        fields: {
          problems: [
            "sluice.yaml:2:3 server.prot: is not a known field (did you mean 'port'?)",
            "sluice.yaml:4:9 models.m[0].vendor: names a vendor that is not defined",
          ],
        },
      },
    ]);
  });

  test("comes into force once the mistake is mended", async () => {
    const { file, hooks, clock, applied } = watched();
    file.text = "nonsense: true";
    hooks.changed();
    await clock.advance(SETTLE_MS);
    await settled();
    file.text = "server: { port: 2 }";
    hooks.changed();
    await clock.advance(SETTLE_MS);
    await settled();
    expect(applied.map((config) => config.port)).toEqual([2]);
  });

  test("stays in force while its file is gone", async () => {
    const { file, hooks, clock, applied, lines, watch } = watched();
    file.text = undefined;
    hooks.changed();
    await clock.advance(SETTLE_MS);
    await settled();
    expect(applied).toHaveLength(0);
    expect(lines[0]?.message).toEndWith("the file is gone");
    expect(watch.current.port).toBe(1);
  });

  test("stays in force when the new one cannot be applied", async () => {
    const { file, watch, lines } = watched({
      apply: () => Promise.reject(new Error("no room")),
    });
    file.text = "server: { port: 2 }";
    expect(await watch.reload()).toBe(false);
    expect(watch.current.port).toBe(1);
    expect(lines[0]?.level).toBe("error");
  });

  test("is applied one after the other, and those who ask meanwhile share one reading", async () => {
    const ports: number[] = [];
    const gate = Promise.withResolvers<void>();
    const { file, watch } = watched({
      apply: async (config) => {
        ports.push(config.port);
        await gate.promise;
      },
    });
    file.text = "server: { port: 2 }";
    const first = watch.reload();
    await settled();
    file.text = "server: { port: 3 }";
    const second = watch.reload();
    expect(watch.reload()).toBe(second);
    await settled();
    expect(ports).toEqual([2]);
    gate.resolve();
    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect(ports).toEqual([2, 3]);
    expect(watch.current.port).toBe(3);
  });

  test("says which settings wait for a start", async () => {
    const { file, watch, lines } = watched();
    file.text = "server: { port: 2, region: eu, drainTimeout: 1s }";
    expect(await watch.reload()).toBe(true);
    expect(lines.at(-1)).toEqual({
      level: "warn",
      message: "some settings are only read at a start",
      fields: { settings: ["port", "region"] },
    });
  });

  test("is left alone after stop", async () => {
    const { file, hooks, clock, applied, stopped, watch } = watched();
    file.text = "server: { port: 2 }";
    hooks.changed();
    watch.stop();
    await clock.advance(SETTLE_MS);
    await settled();
    expect(applied).toHaveLength(0);
    expect(stopped).toEqual(["sluice.yaml", "SIGHUP"]);
  });
});
