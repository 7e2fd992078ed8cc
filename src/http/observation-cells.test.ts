import { expect, test } from "bun:test";
import { Histogram, Registry } from "prom-client";
import { seededRandom } from "../core/random.ts";
import { observationCells } from "./observation-cells.ts";

const LABELS = ["vendor", "model"] as const;
const BOUNDS = [0.1, 1, 10];

test("the text is the one that prom-client's own histogram would give", async () => {
  const [own, theirs] = [new Registry(), new Registry()];
  const cells = observationCells(own, "seconds", "Some.", LABELS, BOUNDS);
  const histogram = new Histogram({
    name: "seconds",
    help: "Some.",
    labelNames: LABELS,
    buckets: BOUNDS,
    registers: [theirs],
  });
  const random = seededRandom(1);
  for (const value of [0, 0.1, 1, 10, 10.1, ...Array.from({ length: 500 }, () => random.next() * 12)]) {
    const vendor = value < 6 ? "a" : 'b"\\\n';
    cells.at(vendor, "m").observe(value);
    histogram.observe({ vendor, model: "m" }, value);
  }
  expect(await own.metrics()).toBe(await theirs.metrics());
  expect(await own.getMetricsAsJSON()).toMatchObject([{ name: "seconds", type: "histogram" }]);
});

test("nothing seen is no series, and what is no number spoils nothing", async () => {
  const registry = new Registry();
  const cells = observationCells(registry, "seconds", "Some.", LABELS, BOUNDS);
  expect(await registry.metrics()).toBe("# HELP seconds Some.\n# TYPE seconds histogram\n");
  cells.at("a", "m").observe(Number.NaN);
  cells.at("a", "m").observe(Number.POSITIVE_INFINITY);
  cells.at("a", "m").observe(2);
  const lines = (await registry.metrics()).split("\n");
  expect(lines).toContain('seconds_bucket{le="+Inf",vendor="a",model="m"} 1');
  expect(lines).toContain('seconds_sum{vendor="a",model="m"} 2');
});
