import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../core/log.ts";
import { systemTriggers } from "./reload-triggers.ts";

describe("the real triggers", () => {
  let folder = "";
  let unwatch = (): void => {};
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
  });
  afterEach(() => {
    unwatch();
    rmSync(folder, { recursive: true });
  });

  /** Resolves at the next event; the test runner's own time limit is the only clock. */
  function nextChange(path: string): Promise<void> {
    return new Promise((resolve) => {
      unwatch = systemTriggers(silentLog).watchFile(path, resolve);
    });
  }

  test("a write is seen", async () => {
    const path = join(folder, "sluice.yaml");
    writeFileSync(path, "a");
    const change = nextChange(path);
    writeFileSync(path, "b");
    await change;
  });

  test("a file that another one is renamed over is seen, and seen again", async () => {
    const path = join(folder, "sluice.yaml");
    writeFileSync(path, "a");
    for (const text of ["b", "c"]) {
      const change = nextChange(path);
      writeFileSync(`${path}.tmp`, text);
      renameSync(`${path}.tmp`, path);
      await change;
      unwatch();
    }
  });

  test("a file that comes only later is seen", async () => {
    const path = join(folder, "sluice.yaml");
    const change = nextChange(path);
    writeFileSync(path, "a");
    await change;
  });

  test("a link whose target is written is seen", async () => {
    const real = join(folder, "real");
    const linked = join(folder, "linked");
    mkdirSync(real);
    mkdirSync(linked);
    writeFileSync(join(real, "sluice.yaml"), "a");
    symlinkSync(join(real, "sluice.yaml"), join(linked, "sluice.yaml"));
    const change = nextChange(join(linked, "sluice.yaml"));
    writeFileSync(join(real, "sluice.yaml"), "b");
    await change;
  });

  test("a folder that is not there is told, not thrown", () => {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    systemTriggers(log).watchFile(join(folder, "no", "sluice.yaml"), () => {})();
    expect(warnings).toEqual(["the configuration cannot be watched; SIGHUP reloads it"]);
  });

  test("SIGHUP calls, until it is unhooked", async () => {
    let calls = 0;
    const seen = Promise.withResolvers<void>();
    const unhook = systemTriggers(silentLog).onHangup(() => {
      calls += 1;
      seen.resolve();
    });
    process.kill(process.pid, "SIGHUP");
    await seen.promise;
    unhook();
    expect(calls).toBe(1);
    expect(process.listenerCount("SIGHUP")).toBe(0);
  });
});
