import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { toFile } from "openai";
import { Webhook } from "standardwebhooks";
import { draw } from "../src/adapters/sandbox/media/drawing.ts";
import { type MockPictureVendors, PICTURE_KEY } from "./mock-picture-vendors.ts";
import { type PictureWorld, startPictureWorld, type TaskView } from "./picture-world.ts";

/** Pictures by OpenAI, Wan, Qwen-Image, Seedream and Gemini, through every door. */
let world: PictureWorld;
let vendors: MockPictureVendors;
beforeAll(async () => {
  world = await startPictureWorld();
  vendors = world.vendors;
}, 90_000);
afterAll(() => world.dispose(), 60_000);
afterEach(() => vendors.reset());

interface Images {
  readonly data: readonly { readonly b64_json?: string; readonly url?: string }[];
  readonly usage: object;
}

const submissions = () => vendors.calls.filter(({ kind }) => kind !== "task" && kind !== "cancel");
const errorOf = async (response: Response) => {
  const { error } = (await response.json()) as { error?: { code?: string; message?: string } };
  return [response.status, error?.code];
};
const look = async (base64: string | undefined) => {
  const { width, height, format } = await new Bun.Image(Buffer.from(base64 ?? "", "base64")).metadata();
  return [width, height, format];
};

describe("the published SDK of OpenAI", () => {
  const sdk = () =>
    new OpenAI({ apiKey: world.client.key, baseURL: `${world.gateway.url}/v1`, maxRetries: 0 });

  test.each(["gpt", "gemini", "seedream", "qwen-image", "wan"])(
    "gets two pictures of %s, charged as its vendor counts them",
    async (model) => {
      await world.newClient();
      const made = await sdk().images.generate({ model, prompt: "a cat", n: 2, response_format: "b64_json" });
      expect(made.data).toHaveLength(2);
      for (const { b64_json } of made.data ?? []) expect(await look(b64_json)).toEqual([64, 48, "png"]);
      expect(vendors.counted.images).toBe(2);
      await world.expectSpent(world.pricedByVendors());
    },
    60_000,
  );

  test("gets pictures of whoever speaks OpenAI's dialect, by the picture", async () => {
    await world.newClient();
    const made = await sdk().images.generate({ model: "compatible", prompt: "a cat", n: 2 });
    expect(made.data).toHaveLength(2);
    await world.expectSpent(1_000_000n);
  }, 60_000);

  test("has its pictures edited, several at once and with a mask", async () => {
    await world.newClient();
    const image = await toFile(picture(), "a.png", { type: "image/png" });
    const edited = await sdk().images.edit({
      model: "gpt",
      prompt: "put a hat on it",
      image: [image, image],
      mask: image,
      n: 2,
      quality: "low",
    });
    expect(edited.data).toHaveLength(2);
    expect(edited.usage?.input_tokens_details).toEqual({ text_tokens: 12, image_tokens: 600 });
    const [call] = submissions();
    expect(call?.path).toBe("/v1/images/edits");
    expect(call?.body).toMatchObject({ model: "gpt-image-2", n: "2", quality: "low" });
    expect(call?.body["image[]"]).toHaveLength(2);
    expect(call?.body.mask).toStartWith("image/png");
    await world.expectSpent(world.pricedByVendors());
  }, 60_000);

  test.each(["gemini", "seedream", "wan-native", "qwen-image"])(
    "has a picture edited by %s, which gets it in JSON",
    async (model) => {
      await world.newClient();
      const image = await toFile(picture(), "a.png", { type: "image/png" });
      const edited = await sdk().images.edit({ model, prompt: "put a hat on it", image });
      expect(edited.data).toHaveLength(1);
      expect(JSON.stringify(submissions()[0]?.body)).toContain("iVBORw0KGgo");
      await world.expectSpent(world.pricedByVendors());
    },
    60_000,
  );
});

const picture = (): Uint8Array =>
  draw({ text: "cat", width: 32, height: 32, isTransparent: false, salt: "cat" });

describe("a picture", () => {
  test("is asked for at the right path of the vendor's host, whichever of its base URLs is configured", async () => {
    await world.newClient();
    const made = ["wan", "wan-native", "qwen-image"].map((model) =>
      world.client.post("/api/v1/image", { model, prompt: "a cat", size: "1024x1024" }),
    );
    for (const response of await Promise.all(made)) {
      expect([response.status, response.headers.get("x-sluice-cost")]).toEqual([200, "0.5"]);
      await response.text();
    }
    expect(
      submissions()
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual([
      "/api/v1/services/aigc/image-generation/generation",
      "/api/v1/services/aigc/multimodal-generation/generation",
      "/api/v1/services/aigc/text2image/image-synthesis",
    ]);
    const questions = vendors.calls.filter(({ kind }) => kind === "task").map(({ path }) => path);
    expect(questions).toEqual([
      expect.stringMatching(/^\/api\/v1\/tasks\/job-\d+$/),
      expect.stringMatching(/^\/api\/v1\/tasks\/job-\d+$/),
    ]);
    await world.expectSpent(1_500_000n);
  }, 60_000);

  test("to work from is fetched for those who take files, and named to those who fetch", async () => {
    await world.newClient();
    const source = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response(picture(), { headers: { "content-type": "image/png" } }),
    });
    try {
      const image = `http://127.0.0.1:${source.port}/cat.png`;
      for (const model of ["gpt", "gemini", "seedream"]) {
        const response = await world.client.post("/v1/images/edits", { model, prompt: "a hat", image });
        expect([model, response.status]).toEqual([model, 200]);
        await response.text();
      }
      const [gpt, gemini, seedream] = submissions().map(({ body }) => body);
      expect(gpt?.image).toBe(`image/png ${picture().byteLength}`);
      expect(JSON.stringify(gemini)).toContain("iVBORw0KGgo");
      expect(seedream?.image).toBe(image);
    } finally {
      source.stop(true);
    }
  }, 60_000);

  test("with a mask is made by a vendor that takes masks, else it is said that nobody does", async () => {
    await world.newClient();
    const image = `data:image/png;base64,${Buffer.from(picture()).toString("base64")}`;
    const body = { prompt: "a hat", image, mask: image };
    const made = await world.client.post("/v1/images/edits", { ...body, model: "masked" });
    expect([made.status, made.headers.get("x-sluice-vendor")]).toEqual([200, "openai"]);
    await made.text();
    const alone = await world.client.post("/v1/images/edits", { ...body, model: "seedream" });
    expect(await alone.json()).toMatchObject({ error: { code: "unsupported_parameter", param: "mask" } });
    await world.expectSpent(world.pricedByVendors());
  }, 60_000);

  test("is copied at once: its vendor's address is dead, ours is not", async () => {
    await world.newClient();
    const body = { model: "seedream", prompt: "a cat", size: "1024x1024", response_format: "url" };
    const response = await world.client.post("/v1/images/generations", body);
    expect(response.headers.get("x-sluice-dropped")).toBe("size");
    expect(submissions()[0]?.body).toMatchObject({ size: "1920x1920", watermark: false });
    const { data } = (await response.json()) as Images;
    expect(vendors.fetched).toHaveLength(1);
    expect((await fetch(vendors.fetched[0] ?? "")).status).toBe(403);
    const kept = await fetch(data[0]?.url ?? "");
    expect(kept.headers.get("content-type")).toBe("image/png");
    expect(data[0]?.url).toStartWith(world.gateway.url);
    await world.expectSpent(500_000n);
  }, 60_000);

  test("that was refused for its words is refused here, by nobody else made, and free", async () => {
    await world.newClient();
    for (const model of ["two", "seedream", "gemini", "qwen-image", "wan"]) {
      vendors.next("refuse");
      const response = await world.client.post("/v1/images/generations", { model, prompt: "x" });
      expect([model, ...(await errorOf(response))]).toEqual([model, 400, "content_policy_violation"]);
    }
    expect([submissions().length, vendors.counted.images]).toEqual([5, 0]);
    await world.expectSpent(0n);
  }, 60_000);

  test("that its vendor fails to make is made by the next, and costs what that one counts", async () => {
    await world.newClient();
    vendors.next("break");
    const response = await world.client.post("/v1/images/generations", { model: "two", prompt: "x" });
    const { headers, status } = response;
    expect([status, headers.get("x-sluice-vendor"), headers.get("x-sluice-attempts")]).toEqual([
      200,
      "doubao",
      "2",
    ]);
    await response.text();
    await world.expectSpent(500_000n);
  }, 60_000);

  test("that nobody makes is paid for by nobody", async () => {
    await world.newClient();
    vendors.next("break", "break");
    const response = await world.client.post("/v1/images/generations", { model: "two", prompt: "x" });
    expect(await errorOf(response)).toEqual([502, "vendor_unavailable"]);
    await world.expectSpent(0n);
  }, 60_000);

  test.each(["two", "seedream", "gemini", "wan"])(
    "of %s whose answer was lost is never asked for again, by no vendor",
    async (model) => {
      await world.newClient();
      vendors.next("cut");
      const made = await world.client.post("/v1/tasks", { model, prompt: "x" });
      const { id } = (await made.json()) as TaskView;
      expect(await world.ended(id)).toMatchObject({
        status: "failed",
        cost: "0",
        error: { may_have_run: true },
      });
      expect(submissions()).toHaveLength(1);
      await world.expectSpent(0n);
    },
    60_000,
  );
});

describe("of several pictures", () => {
  test("those that were refused inside a job that went well are not charged", async () => {
    await world.newClient();
    vendors.next("partly");
    const made = await world.client.post("/v1/tasks", { model: "wan", prompt: "x", n: 4 });
    const task = await world.ended(((await made.json()) as TaskView).id);
    expect(task).toMatchObject({ status: "succeeded", cost: "1.5" });
    expect(task.output.filter(({ url }) => url !== undefined)).toHaveLength(3);
    expect(task.output.filter(({ error }) => error !== undefined)).toHaveLength(1);
    await world.expectSpent(1_500_000n);
  }, 60_000);

  test("each is a call where a vendor makes one a call, and the refused call is not charged", async () => {
    await world.newClient();
    vendors.next("make", "refuse", "make");
    const response = await world.client.post("/v1/images/generations", {
      model: "gemini",
      prompt: "x",
      n: 3,
    });
    expect(((await response.json()) as Images).data).toHaveLength(2);
    expect(submissions()).toHaveLength(3);
    await world.expectSpent(world.pricedByVendors());
  }, 60_000);

  test("one whose call was lost is not asked for again, and the platform bears what it may cost", async () => {
    await world.newClient();
    vendors.next("make", "cut", "make");
    const response = await world.client.post("/v1/images/generations", {
      model: "gemini",
      prompt: "x",
      n: 3,
    });
    expect(((await response.json()) as Images).data).toHaveLength(2);
    expect(submissions()).toHaveLength(3);
    await world.expectSpent((world.pricedByVendors() * 2n) / 3n);
    const receipt = await world.client.get(`/v1/receipts/${response.headers.get("x-request-id")}`);
    expect(await receipt.json()).toMatchObject({
      outcome: "completed",
      loss: expect.not.stringMatching(/^0$/),
    });
  }, 60_000);

  test("those that belong together are one call, and those refused in it are not charged", async () => {
    await world.newClient();
    vendors.next("partly");
    const body = { model: "seedream", prompt: "a story", n: 3, sequential_image_generation: "auto" };
    const response = await world.client.post("/v1/images/generations", body);
    expect(((await response.json()) as Images).data).toHaveLength(2);
    expect(submissions().map(({ body: said }) => said.sequential_image_generation_options)).toEqual([
      { max_images: 3 },
    ]);
    await world.expectSpent(1_000_000n);
  }, 60_000);
});

describe("a job", () => {
  test("that runs is asked about until it is done, and told of once, signed", async () => {
    await world.newClient();
    const received: { readonly headers: Headers; readonly body: string }[] = [];
    const receiver = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        received.push({ headers: request.headers, body: await request.text() });
        return new Response();
      },
    });
    try {
      vendors.slowness = 1;
      const secret = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
      const webhook = { url: `http://127.0.0.1:${receiver.port}/done`, secret };
      const made = await world.client.post("/v1/tasks", { model: "wan-native", prompt: "x", webhook });
      const { id } = (await made.json()) as TaskView;
      expect(await world.ended(id)).toMatchObject({ status: "succeeded", cost: "0.5" });
      expect(vendors.calls.filter(({ kind }) => kind === "task")).toHaveLength(2);
      while (received.length === 0) await Bun.sleep(20);
      await world.expectSpent(500_000n);
      const [{ headers, body } = { headers: new Headers(), body: "" }] = received;
      const told = new Webhook(secret).verify(body, headers.toJSON()) as { data: TaskView };
      expect(told.data).toMatchObject({ id, status: "succeeded", output: [{ width: 64 }] });
      const listed = await (await world.client.get("/v1/webhooks/deliveries")).json();
      expect(listed).toMatchObject({ data: [{ state: "delivered", attempts: 1 }] });
      expect(received).toHaveLength(1);
    } finally {
      receiver.stop(true);
    }
  }, 60_000);

  test("that has not begun is taken back at its vendor, and costs nothing", async () => {
    await world.newClient();
    vendors.slowness = 1_000;
    const made = await world.client.post("/v1/tasks", { model: "wan", prompt: "x" });
    const { id } = (await made.json()) as TaskView;
    for (let status = ""; status !== "running"; ) {
      ({ status } = (await (await world.client.get(`/v1/tasks/${id}`)).json()) as TaskView);
      await Bun.sleep(20);
    }
    await (await world.client.post(`/v1/tasks/${id}/cancel`, {})).text();
    expect(await world.ended(id)).toMatchObject({ status: "cancelled", cost: "0" });
    expect(vendors.calls.filter(({ kind }) => kind === "cancel")).toHaveLength(1);
    await world.expectSpent(0n);
  }, 60_000);
});

test("no key, and no word of a client's, is in what the gateway logs", () => {
  expect(world.gateway.log()).not.toContain(PICTURE_KEY);
  expect(world.gateway.log()).not.toContain("put a hat on it");
});
