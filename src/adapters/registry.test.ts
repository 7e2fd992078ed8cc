import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { ManualClock } from "../core/manual-clock.ts";
import { createAdapters } from "./registry.ts";

test("every vendor's folder is in the registry under its own name", () => {
  const adapters = createAdapters({ clock: new ManualClock() });
  const folders = readdirSync(new URL(".", import.meta.url), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const shared = [
    "failure",
    "openai-family",
    "openai-frames",
    "openai-realtime",
    "openai-services",
    "sse",
    "testing",
  ];
  const vendors = folders.filter((name) => !shared.includes(name));
  expect([...adapters.keys()].map(String).toSorted()).toEqual(vendors.toSorted());
  for (const [name, { text, media }] of adapters) {
    expect(text !== undefined || media !== undefined).toBe(true);
    for (const adapter of [text, media]) expect(adapter?.name ?? name).toBe(name);
  }
});
