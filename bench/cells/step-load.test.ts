import { afterAll, beforeAll, expect, test } from "bun:test";
import { stepLoad } from "./step-load.ts";
import { MARK, type StepVendor, startStepVendor } from "./step-vendor.ts";

let vendor: StepVendor;
beforeAll(() => {
  vendor = startStepVendor();
});
afterAll(() => vendor.stop());

const ask = (model: string, name: string) =>
  fetch(vendor.url, {
    method: "POST",
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: name }] }),
  });

test("the vendor says a piece when it is told to, and its end after the last token", async () => {
  const response = await ask("bench-5-step-2", "mine");
  const read = response.body?.getReader();
  const next = async (): Promise<string> => new TextDecoder().decode((await read?.read())?.value);
  const tokens = (text: string): number => text.split(MARK).length - 1;
  expect(tokens(await next())).toBe(2);
  for (const expected of [2, 1]) {
    vendor.next("mine");
    expect(tokens(await next())).toBe(expected);
  }
  vendor.next("mine");
  expect(await next()).toContain('"completion_tokens":5');
  expect((await read?.read())?.done).toBe(true);
  expect(() => vendor.next("mine")).toThrow("nothing is left");
});

test.each(["answer", "stream"] as const)("every %s of a load is read to its end", async (kind) => {
  const plan = { kind, model: "bench-13-step-4", connections: 3, generations: 1, requests: 10 };
  await stepLoad({ url: vendor.url, key: "none" }, vendor, plan);
});

test("a load of answers that are not whole fails", async () => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(`one${MARK}`) });
  const plan = {
    kind: "answer",
    model: "bench-2-step-1",
    connections: 1,
    generations: 1,
    requests: 1,
  } as const;
  try {
    const target = { url: server.url.origin, key: "none" };
    await expect(stepLoad(target, vendor, plan)).rejects.toThrow("1 of 2 tokens");
  } finally {
    await server.stop(true);
  }
});
