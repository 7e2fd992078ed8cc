import { expect, test } from "bun:test";
import { readEnvironment } from "./environment.ts";
import { loadConfig } from "./load.ts";
import { writeWorkerPlace } from "./worker-place.ts";

const load = (env: Record<string, string>, file = "") => loadConfig({ env, readFile: () => file });

test("one process is the default; the environment wins over the file; auto is left to the machine", () => {
  expect(load({}).workers).toBe(1);
  expect(load({}, "server: { workers: 3 }").workers).toBe(3);
  expect(load({ SLUICE_WORKERS: "4" }, "server: { workers: 3 }").workers).toBe(4);
  expect(load({ SLUICE_WORKERS: "auto" }).workers).toBe("auto");
});

test.each(["0", "-1", "1.5", "many", "257", "0x2 "])("%s is no number of workers", (text) => {
  expect(readEnvironment({ SLUICE_WORKERS: text }).problems).toEqual([
    { source: "environment", path: "SLUICE_WORKERS", message: "must be a number of processes, or auto" },
  ]);
});

test("a worker reads its place as its parent wrote it", () => {
  const place = { number: 2, nodes: ["a-1", "a-2"], isAlone: true };
  expect(load({ SLUICE_WORKER: writeWorkerPlace(place) }).worker).toEqual(place);
  expect(load({}).worker).toBeUndefined();
});

test.each(["2/4", "{}", '{"number":3,"nodes":["a-1"],"isAlone":true}'])("%s is no place", (text) => {
  expect(() => load({ SLUICE_WORKER: text })).toThrow("is set by Sluice itself");
});
