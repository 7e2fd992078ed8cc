import { describe, expect, test } from "bun:test";
import type { Machine, Ran } from "./machine.ts";
import { findProgram } from "./servers.ts";

/** A machine made of what it has; commands that run are written down, and may change it. */
function machineWith(options: {
  readonly env?: Record<string, string>;
  readonly commands?: readonly string[];
  readonly isRoot?: boolean;
  readonly onRun?: (command: string, machine: { commands: Set<string>; files: Set<string> }) => boolean;
}): Machine & { readonly ran: string[] } {
  const has = { commands: new Set(options.commands), files: new Set<string>() };
  const ran: string[] = [];
  return {
    env: options.env ?? {},
    isRoot: options.isRoot ?? false,
    cacheDirectory: "/cache",
    which: (command) => (has.commands.has(command) ? `/bin/${command}` : undefined),
    exists: (path) => Promise.resolve(has.files.has(path)),
    run(command): Promise<Ran> {
      const line = command.join(" ");
      ran.push(line);
      return Promise.resolve({ ok: options.onRun?.(line, has) ?? false, output: "first\nlast line" });
    },
    say() {},
    ran,
  };
}

describe("looking for a program", () => {
  test("a URL in the environment comes first", async () => {
    const machine = machineWith({ env: { REDIS_URL: "redis://r" }, commands: ["redis-server"] });
    expect(await findProgram("redis", machine)).toEqual({ via: "environment", url: "redis://r" });
  });

  test("then the PATH", async () => {
    const machine = machineWith({ env: { REDIS_URL: "" }, commands: ["valkey-server", "go", "docker"] });
    expect(await findProgram("redis", machine)).toEqual({ via: "path", command: ["/bin/valkey-server"] });
    expect(machine.ran).toEqual([]);
  });

  test("a server on the PATH that is too old is as good as none", async () => {
    const machine = machineWith({ commands: ["nats-server"] });
    const versioned = (version: string): Machine => ({
      ...machine,
      run: async () => ({ ok: true, output: `nats-server: ${version}` }),
    });
    expect(await findProgram("nats-server", versioned("v2.15.2"))).toMatchObject({ via: "path" });
    expect(await findProgram("nats-server", versioned("v2.9.10")).catch(String)).toContain("is too old");
  });

  test("Go is found where its own packages put it, be that on the PATH or not", async () => {
    const machine = machineWith({
      onRun: (line, has) =>
        line.startsWith("/usr/local/go/bin/go install") && Boolean(has.files.add("/cache/k6-v1.8.1/k6")),
    });
    const atHome = {
      ...machine,
      exists: async (path: string) => path.endsWith("/go") || machine.exists(path),
    };
    expect(await findProgram("k6", atHome)).toMatchObject({ via: "go" });
  });

  test("then Go's module proxy, built once", async () => {
    const machine = machineWith({
      commands: ["go", "docker"],
      onRun: (line, has) =>
        line.startsWith("go install go.k6.io/k6@v") && Boolean(has.files.add("/cache/k6-v1.8.1/k6")),
    });
    const found = { via: "go", command: ["/cache/k6-v1.8.1/k6"] } as const;
    expect(await findProgram("k6", machine)).toEqual(found);
    expect(await findProgram("k6", machine)).toEqual(found);
    expect(machine.ran).toHaveLength(1);
  });

  test("then the distribution's package, when root", async () => {
    const machine = machineWith({
      commands: ["apt-get", "docker"],
      isRoot: true,
      onRun: (line, has) => line.includes("install") && Boolean(has.commands.add("redis-server")),
    });
    expect(await findProgram("redis", machine)).toEqual({ via: "package", command: ["/bin/redis-server"] });
  });

  test("then Docker", async () => {
    const machine = machineWith({
      commands: ["apt-get", "docker", "go"],
      onRun: (line) => line.startsWith("docker"),
    });
    const found = await findProgram("nats-server", machine);
    expect(found).toMatchObject({ via: "docker" });
    expect(found.via === "docker" && found.command.at(-1)).toBe("nats:2.15");
    expect(machine.ran.map((line) => line.split(" ")[0])).toEqual(["go", "docker", "docker"]);
  });

  test("else it fails, saying what was tried and what to install", async () => {
    const machine = machineWith({ commands: ["go", "apt-get"], isRoot: true });
    await expect(findProgram("nats-server", machine)).rejects.toThrow(
      "nats-server is needed and could not be had: nats-server not on the PATH; Go could not build it (last line); " +
        "the package nats-server did not bring it (last line); no Docker that answers.\nPlease set NATS_URL",
    );
  });
});
