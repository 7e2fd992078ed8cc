import { expect } from "bun:test";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { type MockPictureVendors, PICTURE_KEY, startMockPictureVendors } from "./mock-picture-vendors.ts";
import { testDatabase } from "./postgres.ts";

/** A gateway, the vendors of pictures on one port, and a client at a time. */
export interface PictureWorld {
  readonly gateway: Gateway;
  readonly vendors: MockPictureVendors;
  /** The client of this test, with fifty points. */
  client: Client;
  newClient(): Promise<void>;
  /** What the vendors counted, at the prices of this world, in micropoints. */
  pricedByVendors(): bigint;
  /** Nothing is held, the client paid so many micropoints, and the books are right. */
  expectSpent(amount: bigint): Promise<void>;
  ended(id: string): Promise<TaskView>;
  dispose(): Promise<void>;
}

export interface TaskView {
  readonly id: string;
  readonly status: string;
  readonly cost: string;
  readonly error: object | null;
  readonly output: readonly { readonly url?: string; readonly width?: number; readonly error?: object }[];
}

const operations = ["image", "image_edit"];
const BY_TOKEN = { input: 5, imageInput: 8, output: 30 };
const BY_PICTURE = { image: 0.5 };

/** Models by the vendor's or the protocol's name; `two` and `masked` are had from OpenAI and Seedream, in this order and the other. */
export async function startPictureWorld(): Promise<PictureWorld> {
  const vendors = startMockPictureVendors();
  const database = await testDatabase();
  const at = (adapter: string, path: string) => ({
    adapter,
    baseUrl: vendors.origin + path,
    keys: [PICTURE_KEY],
  });
  const from = (vendor: string, model: string, price: object) => ({
    vendor,
    model,
    operations,
    price,
    ...(price === BY_TOKEN ? { maxOutput: 8_192 } : {}),
  });
  const gpt = from("openai", "gpt-image-2", BY_TOKEN);
  const seedream = from("doubao", "doubao-seedream-4-5-251128", BY_PICTURE);
  const gateway = await startGateway(
    {
      vendors: {
        openai: at("openai", "/v1"),
        qwen: at("qwen", "/compatible-mode/v1"),
        native: at("qwen", "/api/v1"),
        doubao: at("doubao", "/api/v3"),
        gemini: at("gemini", "/v1beta"),
        other: at("openai-compatible", "/v1"),
      },
      models: {
        gpt: [gpt],
        wan: [from("qwen", "wan2.2-t2i-flash", BY_PICTURE)],
        "wan-native": [from("native", "wan2.7-image", BY_PICTURE)],
        "qwen-image": [from("native", "qwen-image-2.0", BY_PICTURE)],
        seedream: [seedream],
        gemini: [from("gemini", "gemini-3.1-flash-image", BY_TOKEN)],
        two: [gpt, seedream],
        masked: [seedream, gpt],
        compatible: [from("other", "flux", BY_PICTURE)],
      },
      routing: { strategy: "priority" },
    },
    { DATABASE_URL: database.url, SLUICE_FETCH_ALLOW: "127.0.0.1" },
  );
  const world: PictureWorld = {
    gateway,
    vendors,
    client: await gateway.client("50"),
    async newClient() {
      world.client = await gateway.client("50");
    },
    pricedByVendors() {
      const { words, pictureTokens, drawn, images } = vendors.counted;
      // Rates are for a million: the sum is in millionths.
      const byToken = words * 5 + pictureTokens * 8 + drawn * 30;
      return BigInt(byToken > 0 ? byToken : images * 500_000);
    },
    async expectSpent(amount) {
      while (micro((await world.client.balance()).reserved) !== 0n) await Bun.sleep(20);
      expect(micro((await world.client.balance()).spent)).toBe(amount);
      expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
    },
    async ended(id) {
      for (;;) {
        const task = (await (await world.client.get(`/v1/tasks/${id}`)).json()) as TaskView;
        if (["succeeded", "failed", "cancelled"].includes(task.status)) return task;
        await Bun.sleep(20);
      }
    },
    async dispose() {
      await gateway.dispose();
      vendors.stop();
      await database.drop();
    },
  };
  return world;
}
