import { expect } from "bun:test";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { type MockImageVendor, startMockImageVendor } from "./mock-image-vendor.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

/** A gateway, a vendor of pictures that a test tells what to do, and a client at a time. */
export interface TaskWorld {
  readonly gateway: Gateway;
  readonly vendor: MockImageVendor;
  readonly database: TestDatabase;
  /** The client of this test, with ten points. */
  client: Client;
  newClient(): Promise<void>;
  /** A new task; it must be taken. */
  made(body: object, headers?: Record<string, string>): Promise<TaskView>;
  fetched(id: string): Promise<TaskView>;
  /** The task once it is in one of these states. */
  reached(id: string, ...states: readonly string[]): Promise<TaskView>;
  ended(id: string): Promise<TaskView>;
  /** Nothing is held for the client any more. */
  flushed(): Promise<void>;
  /** The books are right, and the client paid this much. */
  expectSpent(points: string): Promise<void>;
  /** How many jobs the vendor was given for a task. */
  jobsFor(id: string): number;
  dispose(): Promise<void>;
}

export interface TaskView {
  readonly id: string;
  readonly status: string;
  readonly progress: number;
  readonly cost: string | null;
  readonly receipt: string;
  readonly error: { readonly code: string; readonly may_have_run?: boolean } | null;
  readonly output: readonly { readonly url?: string; readonly width?: number; readonly error?: object }[];
}

/** Points for each picture, at both vendors. */
export const PRICE = "0.5";

/** `pics` is had from the vendor that the test tells what to do, `local` from the sandbox, `two` from both in turn. */
export async function startTaskWorld(): Promise<TaskWorld> {
  const vendor = startMockImageVendor();
  const database = await testDatabase();
  const operations = ["image", "image_edit"];
  const easel = { vendor: "easel", model: "easel-1", operations, price: { image: PRICE } };
  const local = { vendor: "sandbox", model: "sandbox-image", operations, price: { image: PRICE } };
  const gateway = await startGateway(
    {
      vendors: { easel: { adapter: "sandbox", baseUrl: vendor.url } },
      models: { pics: [easel], local: [local], two: [easel, local] },
      routing: { strategy: "priority" },
    },
    { DATABASE_URL: database.url, SLUICE_FETCH_ALLOW: "127.0.0.1" },
  );
  const world: TaskWorld = {
    gateway,
    vendor,
    database,
    client: await gateway.client("10"),
    async newClient() {
      world.client = await gateway.client("10");
    },
    async made(body, headers = {}) {
      const response = await world.client.post("/v1/tasks", body, headers);
      const task = (await response.json()) as TaskView;
      expect([response.status, task.id?.slice(0, 5)]).toEqual([201, "task_"]);
      return task;
    },
    fetched: async (id) => (await (await world.client.get(`/v1/tasks/${id}`)).json()) as TaskView,
    async reached(id, ...states) {
      for (;;) {
        const task = await world.fetched(id);
        if (states.includes(task.status)) return task;
        if (ENDS.includes(task.status)) {
          throw new Error(`the task is ${task.status}: ${JSON.stringify(task.error)}`);
        }
        await Bun.sleep(20);
      }
    },
    ended: (id) => world.reached(id, ...ENDS),
    async flushed() {
      while (micro((await world.client.balance()).reserved) !== 0n) await Bun.sleep(20);
    },
    async expectSpent(points) {
      await world.flushed();
      expect(micro((await world.client.balance()).spent)).toBe(micro(points));
      expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
    },
    jobsFor: (id) => vendor.jobs.filter(({ mark }) => mark === id).length,
    async dispose() {
      await gateway.dispose();
      vendor.stop();
      await database.drop();
    },
  };
  return world;
}

const ENDS: readonly string[] = ["succeeded", "failed", "cancelled"];
