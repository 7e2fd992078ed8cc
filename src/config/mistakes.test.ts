import { describe, expect, test } from "bun:test";
import { loadConfig } from "./load.ts";
import { ConfigError, type Problem } from "./problems.ts";

function problemsOf(yaml: string, env: Record<string, string> = {}): readonly Problem[] {
  try {
    loadConfig({ env, readFile: () => yaml });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Each as `line path: message`. */
const told = (yaml: string, env: Record<string, string> = {}): readonly string[] =>
  problemsOf(yaml, env).map(({ line, path, message }) => `${line ?? "-"} ${path}: ${message}`);

describe("mistakes name their path and line", () => {
  test("all of them, in the order of the lines", () => {
    const yaml = [
      "server:",
      '  port: "80"',
      "vendors:",
      "  deepseek:",
      "    adapter: depseek",
      "    keys: [a]",
      "    timeout: { connect: 2s }",
      "models:",
      "  chat:",
      "    - { vendor: nobody, model: x, price: { input: -1, output: 1 } }",
      "    - vendor: deepseek",
      "      model: y",
      "tenants: {}",
    ].join("\n");
    expect(told(yaml)).toEqual([
      "2 server.port: must be a number, not text",
      expect.stringMatching(
        /^5 vendors\.deepseek\.adapter: must be one of openai, .*sandbox \(did you mean 'deepseek'\?\)$/,
      ),
      "7 vendors.deepseek.timeout: is not a known field (did you mean 'timeouts'?)",
      "10 models.chat[0].vendor: names a vendor that is not defined",
      "10 models.chat[0].price.input: must not be negative",
      expect.stringMatching(/^11 models\.chat\[1\]\.price: is required/),
      "13 tenants: is not a known field",
    ]);
  });

  test.each([
    [
      "a missing variable",
      "vendors:\n  a: { adapter: openai, keys: ['${NOPE}'] }",
      "2 vendors.a.keys[0]: the environment variable NOPE is not set",
    ],
    [
      "a vendor without a key",
      "vendors:\n  openai: { adapter: openai }",
      "2 vendors.openai.keys: is required: list at least one key, or set OPENAI_API_KEY",
    ],
    [
      "an empty list of keys",
      "vendors:\n  a: { adapter: gemini, keys: [] }",
      "2 vendors.a.keys: is required: list at least one key, or set GEMINI_API_KEY",
    ],
    [
      "a compatible vendor without an address",
      "vendors:\n  a: { adapter: openai-compatible }",
      "2 vendors.a.baseUrl: is required for openai-compatible",
    ],
    [
      "an address with a password",
      "vendors:\n  a: { adapter: openai, keys: [k], baseUrl: 'https://u:p@h' }",
      "2 vendors.a.baseUrl: must not hold a name or password: use keys",
    ],
    [
      "an address that is none",
      "vendors:\n  a: { adapter: openai, keys: [k], baseUrl: 'h:1' }",
      "2 vendors.a.baseUrl: must begin with http:// or https://",
    ],
    [
      "the same key twice",
      "vendors:\n  a: { adapter: openai, keys: [k, k] }",
      "2 vendors.a.keys[1]: is the same key as one before it",
    ],
    [
      "the same key id twice",
      "vendors:\n  a: { adapter: openai, keys: [{id: x, key: k}, {id: x, key: l}] }",
      "2 vendors.a.keys[1]: has the id of a key before it",
    ],
    [
      "a key of two words",
      "vendors:\n  a: { adapter: openai, keys: ['a b'] }",
      "2 vendors.a.keys[0]: must be one word of printable ASCII, and not empty",
    ],
    [
      "a weight of nothing",
      "vendors:\n  a: { adapter: openai, keys: [{ key: k, weight: 0 }] }",
      "2 vendors.a.keys[0].weight: must be more than 0",
    ],
    [
      "a name with a dot",
      "vendors:\n  a.b: { adapter: sandbox }",
      "2 vendors[\"a.b\"]: this name must be 1 to 63 letters, digits, '-' or '_', starting with a letter or digit",
    ],
    [
      "the sandbox's name for something else",
      "vendors:\n  sandbox: { adapter: openai, keys: [k] }",
      "2 vendors.sandbox.adapter: must be sandbox: the name is built in",
    ],
    [
      "a wait without a unit",
      "vendors:\n  a: { adapter: sandbox, timeouts: { idle: 20 } }",
      "2 vendors.a.timeouts.idle: must be a length of time such as 2s, 500ms or 5m",
    ],
    [
      "a wait of nothing",
      "vendors:\n  a: { adapter: sandbox, timeouts: { idle: 0s } }",
      "2 vendors.a.timeouts.idle: must be more than nothing",
    ],
    [
      "a candidate twice",
      "models:\n  m:\n    - { vendor: sandbox, model: x, price: free }\n    - { vendor: sandbox, model: x, price: free }",
      "4 models.m[1]: is the same vendor and model as an entry before it",
    ],
    ["a model served nowhere", "models:\n  m: []", "2 models.m: must not be empty"],
    [
      "a model that is no list",
      "models:\n  m: { vendor: sandbox }",
      "2 models.m: must be a list, not a group of fields",
    ],
    [
      "a vendor whose variable is not set",
      "models:\n  m: [{ vendor: openai, model: x, price: free }]",
      "2 models.m[0].vendor: names a vendor that is not defined: define it, or set OPENAI_API_KEY",
    ],
    [
      "weights of nothing",
      "routing: { weights: { cost: 0, performance: 0, quality: 0 } }",
      "1 routing.weights: must not all be 0",
    ],
    [
      "a takeover that is none",
      "routing: { takeover: sometimes }",
      "1 routing.takeover: must be 'never', 'always' or 'before:' and a number of tokens, such as 'before:200'",
    ],
    [
      "a hedge by no percentile",
      "routing: { hedge: { enabled: true, percentile: p93 } }",
      "1 routing.hedge.percentile: must be one of p50, p75, p90, p95, p99 (did you mean 'p90'?)",
    ],
    [
      "a hedge that costs less than nothing",
      "routing: { hedge: { enabled: true, maxExtraCost: -1 } }",
      "1 routing.hedge.maxExtraCost: must not be negative",
    ],
    [
      "a negative weight",
      "routing: { weights: { cost: -1, performance: 0, quality: 2 } }",
      "1 routing.weights.cost: must be at least 0",
    ],
    [
      "a weight left out",
      "routing: { weights: { cost: 1, quality: 2 } }",
      "1 routing.weights.performance: is required",
    ],
    [
      "a limit of a vendor that is not there",
      "rateLimit:\n  vendors: { sandbx: { qps: 1 } }",
      "2 rateLimit.vendors.sandbx: names a vendor that is not defined (did you mean 'sandbox'?)",
    ],
    [
      "a limit given twice",
      "vendors: { a: { adapter: sandbox, limits: { qps: 1 } } }\nrateLimit: { vendors: { a: { qps: 2 } } }",
      "2 rateLimit.vendors.a.qps: is also given in the vendor's own `limits`; only one can count",
    ],
    [
      "a limit that there is not",
      "rateLimit:\n  globl: { qps: 1 }",
      "2 rateLimit.globl: is not a known field (did you mean 'global'?)",
    ],
    [
      "a limit that cannot count like this",
      "rateLimit:\n  tiers:\n    vip: { qps: 1, algorithm: leaky-bucket }",
      "3 rateLimit.tiers.vip.algorithm: cannot be leaky-bucket here: only toward vendors",
    ],
    [
      "a way to count that there is not",
      "rateLimit:\n  global: { qps: 1, algorithm: token-buckt }",
      "2 rateLimit.global.algorithm: must be one of token-bucket, sliding-window (did you mean 'token-bucket'?)",
    ],
    [
      "a model's limit that limits nothing",
      "rateLimit:\n  models:\n    m: {}",
      "3 rateLimit.models.m: must have qps, tpm or concurrency",
    ],
    [
      "a burst without a rate",
      "rateLimit:\n  models:\n    m: { tpm: 5, burst: 5 }",
      "3 rateLimit.models.m.burst: says nothing without qps",
    ],
    [
      "an algorithm of nothing",
      "rateLimit:\n  api:\n    /v1/ws: { cost: 1/day, algorithm: token-bucket }",
      '3 rateLimit.api["/v1/ws"].algorithm: says nothing without rate',
    ],
    [
      "a rate in another form",
      "rateLimit:\n  api:\n    /v1/ws: { rate: 5/week }",
      '3 rateLimit.api["/v1/ws"].rate: must be a number of requests and a period such as 1000/hour (second, minute, hour or day)',
    ],
    [
      "a cost by the hour",
      "rateLimit:\n  api:\n    /v1/ws: { cost: 5/hour }",
      '3 rateLimit.api["/v1/ws"].cost: must be an amount of points and a period such as 100/day (day or month)',
    ],
    [
      "a path that is none",
      "rateLimit:\n  api:\n    v1/ws: { rate: 5/second }",
      '3 rateLimit.api["v1/ws"]: this name must be a path such as /v1/chat/completions, without a query',
    ],
    [
      "a path in two forms",
      "rateLimit:\n  api:\n    /v1/ws/: { rate: 5/second }",
      '3 rateLimit.api["/v1/ws/"]: this name must have neither a slash at its end nor two in a row',
    ],
    ["a file that is a list", "- a", "1 : must be a group of fields, not a list"],
    [
      "a body limit of nothing",
      "server: { bodyLimit: 0 }",
      "1 server.bodyLimit: must be a size such as 32MiB, or a number of bytes",
    ],
    [
      "too little memory to run in",
      "server:\n  overload:\n    memory: 64MiB",
      "3 server.overload.memory: must be at least 128MiB, such as 4GiB",
    ],
    [
      "a lag that is always there",
      "server:\n  overload:\n    lag: 0s",
      "3 server.overload.lag: must be more than nothing",
    ],
    [
      "no room between the least and the most requests",
      "server:\n  overload:\n    maxInFlight: 100",
      "3 server.overload.maxInFlight: leaves no room between 200 and 100 requests: minInFlight must not be more than maxInFlight",
    ],
    [
      "an unknown field of overload",
      "server:\n  overload: { maxInflight: 100 }",
      "2 server.overload.maxInflight: is not a known field (did you mean 'maxInFlight'?)",
    ],
  ])("%s", (_, yaml, expected) => {
    expect(told(yaml)).toContain(expected);
  });

  test("a wrong variable is told beside the file's mistakes", () => {
    const problems = problemsOf("nope: 1", { PORT: "x" });
    expect(problems.map(({ source, path }) => `${source} ${path}`)).toEqual([
      "environment PORT",
      "sluice.yaml nope",
    ]);
  });

  test("no message repeats a value", () => {
    const hidden = "sk-hidden-9f8e7d";
    const places = [
      `vendors: { a: { adapter: ${hidden} } }`,
      `vendors: { a: { adapter: openai, keys: ["${hidden} x"] } }`,
      `vendors: { a: { adapter: openai, baseUrl: "${hidden}", keys: [k] } }`,
      `models: { a: "${hidden}" }`,
      `models: { a: [{ vendor: sandbox, model: m, price: ${hidden} }] }`,
      `models: { a: [{ vendor: "${hidden}", model: m, price: free }] }`,
      `server: { port: ${hidden}, region: "${hidden}.", bodyLimit: ${hidden}, databaseUrl: ${hidden} }`,
      `routing: ${hidden}`,
    ];
    for (const yaml of places) {
      const messages = problemsOf(yaml).map(({ message }) => message);
      expect(messages.length).toBeGreaterThan(0);
      expect(messages.join()).not.toContain(hidden);
    }
  });
});
