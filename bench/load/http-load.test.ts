import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Child, startChild } from "../child.ts";
import type { ServedAccount } from "../mock-vendor.ts";
import { startPassThrough } from "../pass-through.ts";
import { httpLoad } from "./http-load.ts";

let mock: Child;
let url: string;
beforeAll(async () => {
  mock = startChild("mock-vendor-test", [process.execPath, "bench/mock-vendor.ts"]);
  url = await mock.listening();
});
afterAll(() => mock.stop());

const completedBy = async (key: string): Promise<unknown> => {
  const account: ServedAccount = JSON.parse(await (await fetch(`${url}/account`)).text());
  return account.completed[key];
};

describe("the generator, the mock vendor and the pass-through", () => {
  test.each([
    ["answer", "bench-20"],
    ["stream", "bench-20"],
    ["stream", "bench-20-at-2000-by-4"],
  ] as const)("agree on every %s of %s", async (kind, model) => {
    const proxy = startPassThrough(url);
    const key = `${kind}-${model}`;
    const plan = { url: proxy.url, key, kind, model, connections: 5, generations: 1, seconds: 0.2 };
    const result = await httpLoad(plan);
    proxy.stop();
    expect(result.errors).toEqual({});
    expect(result.requests).toBeGreaterThanOrEqual(5);
    expect(await completedBy(key)).toEqual({ [model]: result.requests });
  });

  test("call an answer that is none by its status", async () => {
    const plan = {
      url,
      key: "k",
      kind: "answer",
      model: "unknown",
      connections: 1,
      generations: 1,
      seconds: 0.05,
    } as const;
    expect(Object.keys((await httpLoad(plan)).errors)).toEqual(["status 404"]);
  });
});
