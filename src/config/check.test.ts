import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runConfigCommand } from "./check.ts";

const run = (args: readonly string[], files: Record<string, string> = {}, env: Record<string, string> = {}) =>
  runConfigCommand(args, { env, readFile: (path) => files[path] });

describe("config check", () => {
  test("prints what would be served, with prices", () => {
    const files = {
      "f.yaml":
        "vendors: { a: { adapter: openai, keys: [sk-hidden-key] } }\nmodels: { m: [{ vendor: a, model: x, price: { input: 2, output: 8 } }] }",
    };
    const { output, exitCode } = run(["check", "f.yaml"], files);
    expect(exitCode).toBe(0);
    expect(output).toContain("f.yaml: good");
    expect(output).toMatch(/^a {8}openai {3}us {6}1 {5}adapter's own$/m);
    expect(output).toMatch(/^m +a {8}x +2 in, 8 out +0\.5$/m);
    expect(output).toMatch(/^sandbox-chat +sandbox +sandbox-chat +free/m);
    expect(output).not.toContain("sk-hidden-key");
  });

  test("prints each problem as file:line:col path: message", () => {
    const { output, exitCode } = run(["check", "f.yaml"], {
      "f.yaml": "models:\n  m:\n    - vendor: sandbox\n      modle: x\n",
    });
    expect(exitCode).toBe(1);
    expect(output.split("\n")).toEqual([
      "f.yaml:3:7 models.m[0].model: is required",
      expect.stringContaining("f.yaml:3:7 models.m[0].price: is required"),
      "f.yaml:4:7 models.m[0].modle: is not a known field (did you mean 'model'?)",
      "3 problems",
    ]);
  });

  test("a file that is not there is a problem", () => {
    expect(run(["check", "nope.yaml"])).toEqual({ output: "nope.yaml is not there\n1 problem", exitCode: 1 });
  });

  test("without a file it checks what a start would read", () => {
    expect(run(["check"], { "here.yaml": "server: {}" }, { SLUICE_CONFIG: "here.yaml" }).output).toStartWith(
      "here.yaml: good",
    );
    expect(run(["check"]).output).toStartWith("No file");
  });

  test.each([[[]], [["chekc"]], [["check", "a", "b"]], [["schema", "a"]]])(
    "%j prints how to use it",
    (args) => {
      const { output, exitCode } = run(args);
      expect(exitCode).toBe(2);
      expect(output).toStartWith("Usage:");
    },
  );
});

describe("config schema", () => {
  test("prints a JSON schema that refuses unknown fields", () => {
    const schema = JSON.parse(run(["schema"]).output);
    expect(schema).toMatchObject({
      type: "object",
      additionalProperties: false,
      properties: { vendors: {}, models: {}, routing: {}, rateLimit: {}, server: {} },
    });
  });
});

describe("the command as it is called", () => {
  test("exits with 0 for a good file and 1 for a bad one", () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-check-"));
    try {
      writeFileSync(join(folder, "good.yaml"), "routing: { strategy: cost }\n");
      writeFileSync(join(folder, "bad.yaml"), "routing: { strategy: costs }\n");
      const call = (name: string) =>
        Bun.spawnSync([process.execPath, join(import.meta.dir, "cli.ts"), "check", join(folder, name)], {
          env: {},
        });
      expect(call("good.yaml").exitCode).toBe(0);
      const bad = call("bad.yaml");
      expect(bad.exitCode).toBe(1);
      expect(bad.stderr.toString()).toContain("bad.yaml:1:12 routing.strategy: must be one of");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
