import { describe } from "bun:test";
import { ManualClock } from "../core/manual-clock.ts";
import { conformance } from "./conformance.suite.ts";
import { createQwenNative } from "./qwen/native/adapter.ts";
import { createAdapters } from "./registry.ts";
import { readFixtures } from "./testing/fixtures.ts";
import { readSandboxFixtures } from "./testing/sandbox-fixtures.ts";

for (const [name, { text: adapter }] of createAdapters({ clock: new ManualClock() })) {
  if (adapter === undefined) continue;
  // The sandbox is its own vendor: what it sends is taken from it, not from files.
  conformance(adapter, name === "sandbox" ? await readSandboxFixtures(adapter) : readFixtures(name));
}

describe("DashScope's own protocol", () => {
  conformance(createQwenNative(new ManualClock()), readFixtures("qwen/native"));
});
