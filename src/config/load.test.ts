import { describe, expect, test } from "bun:test";
import type { ModelSpec, VendorSpec } from "../core/catalog.ts";
import { vendorId } from "../core/ids.ts";
import type { ApiLimits, ModelLimits } from "../core/limit-specs.ts";
import { micropointsOf } from "../core/points.ts";
import type { Config } from "./config.ts";
import { loadConfig } from "./load.ts";

function load(yaml: string | undefined, env: Record<string, string> = {}): Config {
  return loadConfig({ env, readFile: () => yaml });
}

function vendorOf(config: Config, id: string): VendorSpec {
  const vendor = config.catalog.vendors.get(vendorId(id));
  if (vendor === undefined) throw new Error(`no vendor ${id}`);
  return vendor;
}

function modelOf(config: Config, name: string): ModelSpec {
  const model = config.catalog.models.get(name);
  if (model === undefined) throw new Error(`no model ${name}`);
  return model;
}

const EXAMPLE = `
vendors:
  deepseek:
    adapter: deepseek
    baseUrl: http://127.0.0.1:9101/v1/
    keys: ["\${DEEPSEEK_API_KEY}", { id: second, key: "\${DEEPSEEK_API_KEY_2}", weight: 2 }]
    region: cn
    limits: { qps: 500, burst: 1000, concurrency: 2000, dailyQuota: 1000000 }
    timeouts: { connect: 2s, firstToken: 20s, idle: 15s, total: 300s }
models:
  deepseek-chat:
    - { vendor: deepseek, model: deepseek-chat, quality: 0.82, price: { input: 2, cachedInput: 0.2, output: 8 } }
    - { vendor: qwen, model: qwen-plus, quality: 0.80, price: { input: 0.8, output: 2 } }
routing: { strategy: balanced, weights: { cost: 0.4, performance: 0.3, quality: 0.3 } }
`;
const EXAMPLE_ENV = {
  DEEPSEEK_API_KEY: "sk-deep-first",
  DEEPSEEK_API_KEY_2: "sk-deep-second",
  DASHSCOPE_API_KEY: "sk-qwen",
};

describe("with nothing configured", () => {
  const config = load(undefined);

  test("the sandbox is served, free of charge, and nothing else", () => {
    expect([...config.catalog.vendors.keys()]).toEqual([vendorId("sandbox")]);
    expect([...config.catalog.models.keys()]).toEqual([
      "sandbox-chat",
      "sandbox-embedding",
      "sandbox-moderation",
      "sandbox-rerank",
      "sandbox-tts",
      "sandbox-transcribe",
      "sandbox-realtime",
      "sandbox-image",
    ]);
    expect(modelOf(config, "sandbox-chat").candidates[0]?.price).toEqual({ kind: "free" });
  });

  test("the documented defaults hold", () => {
    expect(config).toMatchObject({
      host: "0.0.0.0",
      port: 8080,
      dataDirectory: "./data",
      natsUrls: [],
      region: "local",
      bodyLimitBytes: 33_554_432,
      drainTimeoutMs: 30_000,
      overload: { lagMs: 200, maxInFlight: 30_000, minInFlight: 200 },
      upstream: "own",
    });
    expect(config.catalog.routing).toEqual({
      strategy: "balanced",
      weights: { cost: 0.4, performance: 0.3, quality: 0.3 },
    });
    expect(config.source.file).toBeUndefined();
  });
});

test("routing says who goes on with an answer and when a second vendor is asked", () => {
  const config = load(
    "routing: { takeover: 'before:200', hedge: { enabled: true, percentile: p99, maxExtraCost: 0.5 } }",
  );
  expect(config.catalog.routing).toMatchObject({
    takeover: "before:200",
    hedge: { enabled: true, percentile: "p99", maxExtraCost: 500_000n },
  });
});

describe("the whole example", () => {
  const config = load(EXAMPLE, EXAMPLE_ENV);

  test("becomes a vendor with two keys, limits and clocks", () => {
    expect(vendorOf(config, "deepseek")).toEqual({
      id: vendorId("deepseek"),
      adapter: "deepseek",
      baseUrl: "http://127.0.0.1:9101/v1",
      keys: [
        { id: "key-1", secret: "sk-deep-first", weight: 1 },
        { id: "second", secret: "sk-deep-second", weight: 2 },
      ],
      region: "cn",
      limits: { qps: 500, algorithm: "leaky-bucket", burst: 1000, concurrency: 2000, dailyQuota: 1_000_000 },
      timeouts: { connectMs: 2_000, firstTokenMs: 20_000, idleMs: 15_000, totalMs: 300_000 },
    });
  });

  test("becomes a model with two candidates in the file's order", () => {
    const { candidates } = modelOf(config, "deepseek-chat");
    expect(
      candidates.map(({ vendor, model, quality }) => ({ vendor: String(vendor), model, quality })),
    ).toEqual([
      { vendor: "deepseek", model: "deepseek-chat", quality: 0.82 },
      { vendor: "qwen", model: "qwen-plus", quality: 0.8 },
    ]);
    expect(candidates.map((candidate) => JSON.stringify(candidate.price, bigintText))).toEqual([
      '{"kind":"metered","input":"2000000","output":"8000000","cachedInput":"200000"}',
      '{"kind":"metered","input":"800000","output":"2000000"}',
    ]);
  });

  test("serves only what it names, and the sandbox", () => {
    expect([...config.catalog.models.keys()]).toEqual([
      "deepseek-chat",
      "sandbox-chat",
      "sandbox-embedding",
      "sandbox-moderation",
      "sandbox-rerank",
      "sandbox-tts",
      "sandbox-transcribe",
      "sandbox-realtime",
      "sandbox-image",
    ]);
  });

  test("shows no key to a log, to JSON or to a console", () => {
    const secretive = load(EXAMPLE, {
      ...EXAMPLE_ENV,
      SLUICE_ADMIN_KEY: "sk-adm",
      DATABASE_URL: "postgres://u:sk-db@h/d",
      SLUICE_MASTER_SECRET: "ab".repeat(32),
    });
    const seen = `${JSON.stringify([...secretive.catalog.vendors.values()])}${Bun.inspect(secretive, { depth: 10 })}${JSON.stringify(secretive, bigintText)}${String(secretive)}`;
    expect(seen).toContain("[secret]");
    expect(seen).not.toMatch(/sk-deep|sk-qwen|sk-adm|sk-db|abab|171, 171/);
    expect(secretive.adminKey).toBe("sk-adm");
  });
});

const bigintText = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? value.toString() : value;

describe("which file is read", () => {
  const reader = (files: Record<string, string>) => (path: string) => files[path];

  test("SLUICE_CONFIG names it", () => {
    const config = loadConfig({
      env: { SLUICE_CONFIG: "/etc/s.yaml" },
      readFile: reader({ "/etc/s.yaml": "server: { port: 1 }", "sluice.yaml": "server: { port: 2 }" }),
    });
    expect(config).toMatchObject({ port: 1, source: { file: "/etc/s.yaml" } });
  });

  test("./sluice.yaml is taken if there is one", () => {
    const config = loadConfig({ env: {}, readFile: reader({ "sluice.yaml": "server: { port: 2 }" }) });
    expect(config).toMatchObject({ port: 2, source: { file: "sluice.yaml" } });
  });

  test("one that is named must be there", () => {
    expect(() => loadConfig({ env: { SLUICE_CONFIG: "/nope" }, readFile: reader({}) })).toThrow(
      "/nope is not there",
    );
  });

  test("one that cannot be read is a problem, not a crash", () => {
    const readFile = (): string => {
      throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    };
    expect(() => loadConfig({ env: {}, readFile })).toThrow("sluice.yaml cannot be read (EACCES)");
  });
});

describe("the environment wins over the file", () => {
  test("for every setting of the process", () => {
    const config = load(
      "server: { port: 1, host: filehost, region: file, databaseUrl: 'postgres://file/x', bodyLimit: 1MiB, drainTimeout: 5s }",
      { PORT: "2", SLUICE_REGION: "env", DATABASE_URL: "postgres://env/x" },
    );
    expect(config).toMatchObject({
      port: 2,
      host: "filehost",
      region: "env",
      databaseUrl: "postgres://env/x",
      bodyLimitBytes: 1_048_576,
      drainTimeoutMs: 5_000,
    });
  });

  test("a proxy that it names is used, which only fetch can", () => {
    for (const name of ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"]) {
      expect(load("server: { upstream: own }", { [name]: "http://proxy:3128" }).upstream).toBe("proxied");
      expect(load("server: { upstream: own }", { [name]: "" }).upstream).toBe("own");
    }
    expect(load("server: { upstream: fetch }", { SLUICE_UPSTREAM: "own" }).upstream).toBe("own");
    expect(load("server: { upstream: fetch }").upstream).toBe("fetch");
  });
});

describe("what a file may say", () => {
  test("when a node has too much to do", () => {
    const config = load(
      "server: { overload: { lag: 50ms, maxInFlight: 900, minInFlight: 9, memory: 2GiB } }",
    );
    expect(config.overload).toEqual({
      lagMs: 50,
      maxInFlight: 900,
      minInFlight: 9,
      memoryBytes: 2_147_483_648,
    });
  });

  test("a model of its own under a built-in name replaces it whole", () => {
    const config = load(
      "models: { sandbox-chat: [{ vendor: sandbox, model: sandbox-chat, price: { input: 1, output: 2 } }] }",
    );
    expect(modelOf(config, "sandbox-chat").candidates).toHaveLength(1);
    expect(modelOf(config, "sandbox-chat").candidates[0]?.price?.kind).toBe("metered");
    expect(config.catalog.models.has("sandbox-embedding")).toBe(true);
  });

  test("two vendors of one adapter share its built-in models when no model names them", () => {
    const config = load(
      "vendors: { us: { adapter: openai, keys: [a] }, eu: { adapter: openai, keys: [b] } }",
    );
    expect(modelOf(config, "gpt-4o").candidates.map(({ vendor }) => String(vendor))).toEqual(["us", "eu"]);
    expect(vendorOf(config, "eu").region).toBe("us");
  });

  test("a second sandbox serves only what names it", () => {
    const config = load("vendors: { slow: { adapter: sandbox } }");
    expect(modelOf(config, "sandbox-chat").candidates.map(({ vendor }) => String(vendor))).toEqual([
      "sandbox",
    ]);
  });

  test("limits under rateLimit are the vendor's and the tiers'", () => {
    const config = load(
      "rateLimit:\n  tiers: { vip: { qps: 1000, burst: 2000 }, test: { qps: 5 } }\n  vendors: { sandbox: { qps: 10, dailyQuota: 100 } }",
    );
    const algorithm = "sliding-window";
    expect(config.catalog.tiers).toEqual({
      vip: { qps: 1000, burst: 2000, algorithm },
      test: { qps: 5, algorithm },
    });
    expect(vendorOf(config, "sandbox").limits).toEqual({
      qps: 10,
      dailyQuota: 100,
      algorithm: "leaky-bucket",
    });
    expect(config.catalog.limits).toBeUndefined();
  });

  test("everything, models and paths have limits, each counted in its own way", () => {
    const { limits } = load(
      [
        "rateLimit:",
        "  global: { qps: 10000, burst: 20000 }",
        "  keys: { algorithm: token-bucket }",
        "  models:",
        "    m: { tpm: 600, concurrency: 5 }",
        "    n: { qps: 3, algorithm: sliding-window }",
        "  api:",
        "    /api/v1/chat: { rate: 1000/hour }",
        "    /api/v1/image: { rate: 100/minute, cost: 2.5/day, algorithm: token-bucket }",
      ].join("\n"),
    ).catalog;
    expect(limits).toEqual({
      global: { qps: 10_000, burst: 20_000, algorithm: "token-bucket" },
      keys: "token-bucket",
      models: new Map<string, ModelLimits>([
        ["m", { requests: { concurrency: 5 }, tokens: { qps: 10, burst: 600, algorithm: "token-bucket" } }],
        ["n", { requests: { qps: 3, algorithm: "sliding-window" } }],
      ]),
      api: new Map<string, ApiLimits>([
        ["/api/v1/chat", { rate: { qps: 1_000 / 3_600, burst: 1_000, algorithm: "sliding-window" } }],
        [
          "/api/v1/image",
          {
            rate: { qps: 100 / 60, burst: 100, algorithm: "token-bucket" },
            cost: { points: micropointsOf(2_500_000n), period: "day" },
          },
        ],
      ]),
    });
  });

  test("a candidate can say how long its answers can be, and what it can do", () => {
    const config = load(
      "models: { m: [{ vendor: sandbox, model: x, price: free, maxOutput: 100, operations: [chat] }] }",
    );
    expect(modelOf(config, "m").candidates[0]).toEqual({
      vendor: vendorId("sandbox"),
      model: "x",
      quality: 0.5,
      price: { kind: "free" },
      maxOutputTokens: 100,
      operations: ["chat"],
    });
  });

  test("a key can name vendor models its own way", () => {
    const config = load(
      "vendors: { d: { adapter: doubao, keys: [{ key: k, models: { doubao-pro: ep-2026-x } }] } }",
    );
    expect(vendorOf(config, "d").keys[0]?.models).toEqual({ "doubao-pro": "ep-2026-x" });
  });

  test("a local vendor needs no key", () => {
    const config = load(
      "vendors: { local: { adapter: openai-compatible, baseUrl: 'http://127.0.0.1:11434/v1' } }",
    );
    expect(vendorOf(config, "local").keys).toEqual([]);
    expect(vendorOf(config, "local").region).toBe("global");
  });
});

describe("the source", () => {
  test("has a hash that follows the text", () => {
    expect(load("server: { port: 1 }").source.hash).not.toBe(load("server: { port: 2 }").source.hash);
    expect(load("server: { port: 1 }").source.hash).toMatch(/^[0-9a-f]{64}$/);
  });
});
