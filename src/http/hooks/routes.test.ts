import { beforeEach, expect, test } from "bun:test";
import type { HookMessage, HookNews } from "../../adapters/media-adapter.ts";
import { DEFAULT_TIMEOUTS, type VendorSpec } from "../../core/catalog.ts";
import { vendorId } from "../../core/ids.ts";
import { silentLog as log } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { seededRandom } from "../../core/random.ts";
import { createHookAddresses, hookRoutes } from "./routes.ts";

const addresses = createHookAddresses(new Uint8Array(32));
const spec: VendorSpec = {
  id: vendorId("easel"),
  adapter: "sandbox",
  keys: [],
  hookSecret: "signing-secret",
  region: "r",
  limits: {},
  timeouts: DEFAULT_TIMEOUTS,
};
let heard: [string, HookNews][] = [];
let read: (message: HookMessage) => HookNews | undefined = () => ({ jobId: "j" });
beforeEach(() => {
  heard = [];
  read = () => ({ jobId: "j" });
});

const app = hookRoutes({
  log,
  random: seededRandom(1),
  countRequest() {},
  clock: new ManualClock(),
  addresses,
  tasks: { hear: (vendor, news) => void heard.push([vendor, news]) },
  vendor: (id) => (id === "easel" ? spec : undefined),
  read: ({ hookSecret: secret }, headers, body) => read({ headers, body, secret }),
});
const post = async (path: string, body: string): Promise<number> =>
  (await app.handle(new Request(`http://localhost${path}`, { method: "POST", body }))).status;
const PATH = addresses.pathFor(spec.id);

test("what a vendor says at its own address is heard, with what signs its messages", async () => {
  let secret: string | undefined;
  read = (message) => {
    secret = message.secret;
    return { jobId: Buffer.from(message.body).toString() };
  };
  expect(await post(PATH, "job-1")).toBe(204);
  expect(secret).toBe("signing-secret");
  expect(heard).toEqual([["easel", { jobId: "job-1" }]]);
});

test("another's address, an unknown vendor, and what the adapter does not believe change nothing", async () => {
  expect(await post("/v1/hooks/easel/guessed", "{}")).toBe(401);
  expect(await post(addresses.pathFor(vendorId("other")), "{}")).toBe(401);
  expect(await post(addresses.pathFor(vendorId("other")).replace("other", "easel"), "{}")).toBe(401);
  read = () => undefined;
  expect(await post(PATH, "{}")).toBe(403);
  expect(heard).toEqual([]);
});

test("a message that is sent again is heard once, one that is too long or one too many not at all", async () => {
  for (const _ of [1, 2, 3]) expect(await post(PATH, "same")).toBe(204);
  expect(heard).toHaveLength(1);
  expect(await post(PATH, "x".repeat(1024 * 1024 + 1))).toBe(413);
  const statuses = await Promise.all(Array.from({ length: 1_100 }, (_, at) => post(PATH, `m${at}`)));
  expect(statuses).toContain(429);
});
