import { expect, test } from "bun:test";
import { freePort } from "../../child.ts";
import { commonCases } from "./cases.ts";
import { isRight } from "./report.ts";
import { configurationFor, runTarget } from "./target.ts";

/** A gateway that does nothing but pass on what it gets. */
function startPassThrough(vendorPort: number) {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => fetch(`http://127.0.0.1:${vendorPort}${new URL(request.url).pathname}`, request),
  });
}

test("another gateway is looked at: what it only passes on is right, what it should have caught is not", async () => {
  const vendorPort = freePort();
  const gateway = startPassThrough(vendorPort);
  const cases = commonCases().filter(({ name }) =>
    /^(nothing|usage_twice|no_end|html|error_504),/.test(name),
  );
  const url = `http://127.0.0.1:${gateway.port}`;
  const report = await runTarget({ url, key: "k", vendorPort }, cases);
  await gateway.stop(true);
  const wrong = report.results.filter(({ differences }) => differences.length > 0);
  expect(report.results.length).toBeGreaterThan(wrong.length);
  expect(new Set(wrong.map(({ case: one }) => one.fault.name))).toEqual(new Set(["no_end", "html"]));
  expect(isRight(report)).toBe(false);
});

test("its operator is told every model and where the vendor is", () => {
  const told = configurationFor(9_199);
  for (const { fault } of commonCases()) expect(told).toContain(fault.name);
  expect(told).toContain("http://127.0.0.1:9199/v1");
});
