import { expect, test } from "bun:test";
import { vendorId } from "../core/ids.ts";
import { loadConfig } from "./load.ts";
import { vendorDefinitionFindings, withManaged } from "./managed.ts";

const { catalog } = loadConfig({ env: {}, readFile: () => undefined });

test("managed vendors and models are added to what the file declares", () => {
  const merged = withManaged(catalog, {
    vendors: [{ id: "mine", definition: { adapter: "openai", keys: ["sk-1"], region: "eu" } }],
    models: [
      { name: "gpt", candidates: [{ vendor: "mine", model: "gpt-x", price: { input: 1, output: 2 } }] },
    ],
  });
  expect(merged.problems).toEqual([]);
  expect(merged.catalog.vendors.get(vendorId("mine"))).toMatchObject({ adapter: "openai", region: "eu" });
  expect(merged.catalog.models.get("gpt")?.candidates[0]?.price).toMatchObject({ input: 1_000_000n });
  expect(merged.catalog.models.has("sandbox-chat")).toBe(true);
});

test("what the file declares wins, and what cannot be used is named without its content", () => {
  const merged = withManaged(catalog, {
    vendors: [
      { id: "sandbox", definition: { adapter: "openai", keys: ["sk-1"] } },
      { id: "broken", definition: { adapter: "sk-secret" } },
    ],
    models: [{ name: "broken", candidates: [] }],
  });
  expect(merged.catalog.vendors.get(vendorId("sandbox"))?.adapter).toBe("sandbox");
  expect(merged.problems).toEqual([
    "the managed vendor 'broken' cannot be used any more",
    "the managed model 'broken' cannot be used any more",
  ]);
});

test("a definition that lacks what its adapter needs is found out", () => {
  expect(vendorDefinitionFindings("v", { adapter: "openai", keys: ["sk-1"] })).toEqual([]);
  expect(vendorDefinitionFindings("v", { adapter: "openai" })[0]).toMatchObject({ path: ["keys"] });
  expect(vendorDefinitionFindings("v", { adapter: "openai-compatible" })[0]).toMatchObject({
    path: ["baseUrl"],
  });
  expect(vendorDefinitionFindings("v", { adapter: "openai", colour: 1 })[0]).toMatchObject({
    path: ["colour"],
  });
});
