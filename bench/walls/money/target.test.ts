import { expect, test } from "bun:test";
import { runTarget, targetReport } from "./target.ts";

test("another gateway is spent from, and held against the vendor's count", async () => {
  // A gateway that does nothing but pass on.
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const vendorPort = Number(probe.port);
  await probe.stop(true);
  const gateway = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => fetch(`http://127.0.0.1:${vendorPort}${new URL(request.url).pathname}`, request),
  });
  const url = `http://127.0.0.1:${gateway.port}`;
  const { isRight, text } = await runTarget({ url, key: "k", model: "m", vendorPort }, 0.3, () => {});
  await gateway.stop(true);
  expect(isRight).toBe(true);
  expect(text).toContain("wrong answers");
});

test("an answer that the vendor never gave is found", () => {
  const records = [{ payer: "t", prompt: "t/1", seen: "served", id: "a", output: 10 }] as const;
  expect(targetReport(records, { prompts: {} }).isRight).toBe(false);
});
