import { expect } from "bun:test";
import type { Server } from "bun";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { MOCK_SECRET, type MockJob, type MockMidjourney, startMockMidjourney } from "./mock-midjourney.ts";
import { testDatabase } from "./postgres.ts";

/** A gateway before a midjourney-proxy, a client at a time, and that client's own server. */
export interface MidjourneyWorld {
  readonly gateway: Gateway;
  readonly proxy: MockMidjourney;
  /** Where the client's server is, and what it was sent. */
  readonly hook: string;
  readonly received: readonly { readonly headers: Record<string, string>; readonly body: string }[];
  /** The client of this test. */
  client: Client;
  newClient(points?: string): Promise<void>;
  /** A call of `/mj/submit/…`, or of a whole path; it must be answered with 200. */
  submit(path: string, body: object, headers?: Record<string, string>): Promise<MjResult>;
  /** The task of a submission that was taken. */
  submitted(path: string, body: object, headers?: Record<string, string>): Promise<string>;
  fetched(id: string): Promise<MjTask>;
  ended(id: string): Promise<MjTask>;
  reached(id: string, status: string): Promise<void>;
  jobsFor(id: string): readonly MockJob[];
  /** A link as it is reached here: the gateway believes that it is elsewhere. */
  local(url: string | null): string;
  /** Nothing is held any more, the client paid this, and the books are right. */
  expectSpent(points: string): Promise<void>;
  dispose(): Promise<void>;
}

export interface MjResult {
  readonly code: number;
  readonly description: string;
  readonly result?: string;
  readonly properties: Record<string, unknown>;
}

export interface MjTask {
  readonly id: string;
  readonly action: string;
  readonly status: string;
  readonly prompt: string | null;
  readonly state: string | null;
  readonly progress: string;
  readonly imageUrl: string | null;
  readonly failReason: string | null;
  readonly buttons: readonly { readonly customId: string }[];
  readonly properties: Record<string, unknown>;
}

export const PUBLIC = "https://sluice.test";
export const PICTURE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const OPERATIONS = ["image", "image_edit"];
const MODELS = {
  midjourney: [
    {
      vendor: "midjourney",
      model: "midjourney",
      operations: OPERATIONS,
      price: { image: 0.5, imageVariants: { upscale: 0.2, describe: 0.1 } },
    },
  ],
  local: [{ vendor: "sandbox", model: "sandbox-image", operations: OPERATIONS, price: { image: 0.25 } }],
};
const ENDS: readonly string[] = ["SUCCESS", "FAILURE", "CANCEL", "MODAL"];

/** `midjourney` costs 0.5, an enlargement 0.2, a description 0.1; `local` is the sandbox, for 0.25. */
export async function startMidjourneyWorld(): Promise<MidjourneyWorld> {
  const proxy = startMockMidjourney();
  const database = await testDatabase();
  const received: { readonly headers: Record<string, string>; readonly body: string }[] = [];
  const receiver: Server<undefined> = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      received.push({ headers: Object.fromEntries(request.headers), body: await request.text() });
      return new Response();
    },
  });
  const gateway = await startGateway(
    { models: MODELS },
    {
      DATABASE_URL: database.url,
      SLUICE_FETCH_ALLOW: "127.0.0.1",
      SLUICE_PUBLIC_URL: PUBLIC,
      MJ_PROXY_URL: proxy.url,
      MJ_PROXY_SECRET: MOCK_SECRET,
    },
  );
  const world: MidjourneyWorld = {
    gateway,
    proxy,
    hook: `http://127.0.0.1:${receiver.port}/told`,
    received,
    client: await gateway.client("10"),
    async newClient(points = "10") {
      world.client = await gateway.client(points);
    },
    async submit(path, body, headers = {}) {
      const whole = path.startsWith("/") ? path : `/mj/submit/${path}`;
      const response = await world.client.post(whole, body, headers);
      expect([path, response.status]).toEqual([path, 200]);
      return (await response.json()) as MjResult;
    },
    async submitted(path, body, headers) {
      const { code, result = "", description } = await world.submit(path, body, headers);
      expect([code, description, result.slice(0, 5)]).toEqual([1, "Submit success", "task_"]);
      return result;
    },
    fetched: async (id) => (await (await world.client.get(`/mj/task/${id}/fetch`)).json()) as MjTask,
    async ended(id) {
      for (;;) {
        const task = await world.fetched(id);
        if (ENDS.includes(task.status)) return task;
        await Bun.sleep(50);
      }
    },
    async reached(id, status) {
      while ((await world.fetched(id)).status !== status) await Bun.sleep(20);
    },
    jobsFor: (id) => proxy.jobs.filter(({ state }) => state === id),
    local: (url) => (url ?? "").replace(PUBLIC, gateway.url),
    async expectSpent(points) {
      while (micro((await world.client.balance()).reserved) !== 0n) await Bun.sleep(20);
      expect(micro((await world.client.balance()).spent)).toBe(micro(points));
      expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
    },
    async dispose() {
      await gateway.dispose();
      proxy.stop();
      await receiver.stop(true);
      await database.drop();
    },
  };
  return world;
}
