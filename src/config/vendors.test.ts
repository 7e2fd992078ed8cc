import { describe, expect, test } from "bun:test";
import type { ModelSpec, VendorSpec } from "../core/catalog.ts";
import { vendorId } from "../core/ids.ts";
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

describe("keys in the environment", () => {
  test.each([
    ["OPENAI_API_KEY", "openai", "gpt-4o-mini"],
    ["DEEPSEEK_API_KEY", "deepseek", "deepseek-flash"],
    ["DASHSCOPE_API_KEY", "qwen", "qwen-plus"],
    ["ARK_API_KEY", "doubao", "doubao-seed-2-1-pro"],
    ["PHOTOROOM_API_KEY", "photoroom", "photoroom/remove-background"],
  ])("%s brings %s with its priced models", (variable, vendor, model) => {
    const config = load(undefined, { [variable]: "sk-from-environment" });
    expect(vendorOf(config, vendor).keys.map((key) => key.secret)).toEqual(["sk-from-environment"]);
    const [candidate] = modelOf(config, model).candidates;
    expect(candidate?.vendor as string).toBe(vendor);
    expect(candidate?.price?.kind).toBeOneOf(["metered", "timed"]);
  });

  test("Midjourney comes with the place of its proxy, and not without", () => {
    const config = load(undefined, { MJ_PROXY_URL: "https://mj.test/", MJ_PROXY_SECRET: "s3cret" });
    const [key] = vendorOf(config, "midjourney").keys;
    expect([vendorOf(config, "midjourney").baseUrl, key?.secret]).toEqual(["https://mj.test", "s3cret"]);
    expect(modelOf(config, "midjourney").candidates[0]?.price?.kind).toBe("metered");
    for (const half of [{ MJ_PROXY_URL: "https://mj.test" }, { MJ_PROXY_SECRET: "s3cret" }]) {
      expect(load(undefined, half).catalog.vendors.size).toBe(1);
    }
    const nowhere = { MJ_PROXY_URL: "mj.test", MJ_PROXY_SECRET: "s3cret" };
    expect(() => load(undefined, nowhere)).toThrow("MJ_PROXY_URL must be a URL");
  });

  test("Claid's models are there without a price, which a file gives them", () => {
    const env = { CLAID_API_KEY: "k" };
    expect(modelOf(load(undefined, env), "claid/ai-edit").candidates).toMatchObject([{ vendor: "claid" }]);
    expect(modelOf(load(undefined, env), "claid/ai-edit").candidates[0]?.price).toBeUndefined();
    const priced = "models: { claid/edit: [{ vendor: claid, model: edit, price: { image: 0.05 } }] }";
    expect(modelOf(load(priced, env), "claid/edit").candidates[0]?.price?.kind).toBe("metered");
  });

  test("an empty one brings nothing", () => {
    expect(load(undefined, { OPENAI_API_KEY: "" }).catalog.vendors.size).toBe(1);
  });

  test("one that the file reads itself belongs to the file's vendor", () => {
    const config = load(
      'vendors: { mine: { adapter: openai, keys: ["${OPENAI_API_KEY}"] } }\nmodels: { fast: [{ vendor: mine, model: gpt-4o, price: free }] }',
      { OPENAI_API_KEY: "sk-x" },
    );
    expect([...config.catalog.vendors.keys()].map(String)).toEqual(["mine", "sandbox"]);
    expect(config.catalog.models.has("gpt-4o")).toBe(false);
  });

  test("fills in for a vendor of the file that lists no keys", () => {
    const config = load("vendors: { openai: { adapter: openai, baseUrl: 'http://127.0.0.1:1/v1' } }", {
      OPENAI_API_KEY: "sk-x",
    });
    expect(vendorOf(config, "openai")).toMatchObject({
      baseUrl: "http://127.0.0.1:1/v1",
      keys: [{ id: "environment", secret: "sk-x", weight: 1 }],
    });
    expect(config.catalog.models.has("gpt-4o")).toBe(true);
  });

  test("does not replace keys that the file lists", () => {
    const config = load("vendors: { openai: { adapter: openai, keys: [sk-file] } }", {
      OPENAI_API_KEY: "sk-x",
    });
    expect(vendorOf(config, "openai").keys.map((key) => key.secret)).toEqual(["sk-file"]);
  });
});
