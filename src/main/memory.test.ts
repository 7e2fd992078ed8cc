import { expect, test } from "bun:test";
import { containerLimit, memoryUse } from "./memory.ts";

const GIB = 2 ** 30;

/** The limit on a machine with these files. */
function limitWith(files: Record<string, string>): number | undefined {
  return containerLimit((path) => {
    const text = files[path];
    if (text === undefined) throw new Error("ENOENT");
    return text;
  });
}

test("a container's limit is found at the root of what it sees", () => {
  const files = { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": `${2 * GIB}\n` };
  expect(limitWith(files)).toBe(2 * GIB);
});

test("a service's limit is found along its path, the lowest one", () => {
  const files = {
    "/proc/self/cgroup": "0::/system.slice/sluice.service\n",
    "/sys/fs/cgroup/system.slice/sluice.service/memory.max": "max\n",
    "/sys/fs/cgroup/system.slice/memory.max": `${4 * GIB}\n`,
  };
  expect(limitWith(files)).toBe(4 * GIB);
});

test("control groups of version 1 are read, also where the container does not see its own path", () => {
  const files = {
    "/proc/self/cgroup": "5:devices:/x\n4:cpu,memory:/docker/abc\n0::/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${GIB}\n`,
  };
  expect(limitWith(files)).toBe(GIB);
});

test("no limit is no limit, however it is said", () => {
  expect(limitWith({})).toBeUndefined();
  expect(limitWith({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n" })).toBeUndefined();
  const files = {
    "/proc/self/cgroup": "4:memory:/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
  };
  expect(limitWith(files)).toBeUndefined();
});

test("the process uses a part of the machine", () => {
  expect(memoryUse()()).toBeWithin(0, 1);
  expect(memoryUse(process.memoryUsage.rss() * 2)()).toBeWithin(0.3, 0.7);
});

test("processes that share it have an equal part each", () => {
  const most = 2 ** 40;
  const [alone, shared] = [memoryUse(most)(), memoryUse(most, 4)()];
  expect(shared / alone).toBeGreaterThan(3);
  expect(shared / alone).toBeLessThan(5);
});
