import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { toFile } from "openai";
import { PRICE, startTaskWorld, type TaskView, type TaskWorld } from "./task-world.ts";

/** Pictures that are waited for: OpenAI's calls. */
let world: TaskWorld;
beforeAll(async () => {
  world = await startTaskWorld();
}, 90_000);
afterAll(() => world.dispose(), 60_000);
afterEach(() => world.vendor.behave({}));

test("the published SDK gets pictures, by words and out of others", async () => {
  await world.newClient();
  const sdk = new OpenAI({ apiKey: world.client.key, baseURL: `${world.gateway.url}/v1`, maxRetries: 0 });
  const made = await sdk.images.generate({ model: "local", prompt: "[[sandbox ms=0]] a", size: "auto" });
  const bytes = Buffer.from(made.data?.[0]?.b64_json ?? "", "base64");
  expect(await new Bun.Image(bytes).metadata()).toMatchObject({ width: 512, height: 512, format: "png" });
  const image = await toFile(bytes, "a.png", { type: "image/png" });
  const edited = await sdk.images.edit({ model: "local", prompt: "b", image: [image, image], n: 2 });
  expect(edited.data).toHaveLength(2);
  const stream = await sdk.images.generate({ model: "local", prompt: "[[sandbox ms=0]] c", stream: true });
  const events: string[] = [];
  for await (const event of stream) events.push(event.type);
  expect(events).toEqual(["image_generation.completed"]);
  await world.expectSpent("2");
}, 60_000);

describe("pictures that are waited for", () => {
  interface Images {
    readonly data: readonly { readonly b64_json?: string; readonly url?: string }[];
    readonly usage: object;
  }

  test("come as OpenAI gives them: in base64, or as signed URLs", async () => {
    await world.newClient();
    const body = { model: "local", prompt: "[[sandbox ms=0]] hi", n: 2, size: "48x24" };
    const response = await world.client.post("/v1/images/generations", body);
    const { data, usage } = (await response.json()) as Images;
    expect(usage).toMatchObject({ images: 2, input_tokens: 0, input_tokens_details: { image_tokens: 0 } });
    const bytes = data.map(({ b64_json }) => Buffer.from(b64_json ?? "", "base64"));
    for (const picture of bytes)
      expect(await new Bun.Image(picture).metadata()).toMatchObject({ width: 48, height: 24 });
    const { headers } = response;
    expect([headers.get("x-sluice-cost"), headers.get("x-sluice-vendor")]).toEqual(["1", "sandbox"]);
    const task = await world.fetched(headers.get("x-sluice-task") ?? "");
    expect(task).toMatchObject({ status: "succeeded", receipt: headers.get("x-request-id") });

    const linked = await world.client.post("/api/v1/image", { ...body, response_format: "url" });
    const [first] = ((await linked.json()) as Images).data;
    const fetchedPicture = await fetch(first?.url ?? "");
    expect(fetchedPicture.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await fetchedPicture.bytes()).equals(bytes[0] ?? Buffer.alloc(0))).toBe(true);
    await world.expectSpent("2");
  }, 60_000);

  test("are made from pictures that come in a form or in JSON", async () => {
    await world.newClient();
    const picture = Buffer.from(
      (
        await ((
          await world.client.post("/v1/images/generations", { model: "local", prompt: "a", size: "32x32" })
        ).json() as Promise<Images>)
      ).data[0]?.b64_json ?? "",
      "base64",
    );
    const form = new FormData();
    form.set("model", "local");
    form.set("prompt", "[[sandbox ms=0]] as a painting");
    form.set("n", "2");
    form.append("image[]", new Blob([picture], { type: "image/png" }), "a.png");
    const asForm = await fetch(`${world.gateway.url}/v1/images/edits`, {
      method: "POST",
      headers: { authorization: `Bearer ${world.client.key}` },
      body: form,
    });
    expect([asForm.status, ((await asForm.json()) as Images).data.length]).toEqual([200, 2]);
    const image = `data:image/png;base64,${picture.toString("base64")}`;
    const asJson = await world.client.post("/v1/images/edits", { model: "local", prompt: "x", image });
    expect(asJson.status).toBe(200);
    await asJson.text();
    const without = await world.client.post("/v1/images/edits", { model: "local", prompt: "x" });
    expect(await without.json()).toMatchObject({ error: { code: "invalid_request", param: "image" } });
    await world.expectSpent("2");
  }, 60_000);

  test("are streamed as events, the last of each with the picture", async () => {
    await world.newClient();
    const body = { model: "local", prompt: "[[sandbox ms=0]] hi", stream: true, size: "32x32" };
    const text = await (await world.client.post("/v1/images/generations", body)).text();
    const data = /^event: image_generation\.completed\ndata: (.*)$/m.exec(text)?.[1];
    expect(JSON.parse(data ?? "null")).toMatchObject({ type: "image_generation.completed", size: "32x32" });
    expect(text).toContain(': sluice {"outcome":"completed","cost":"0.5"');
    expect(text).not.toContain("[DONE]");
    const failing = { ...body, prompt: "[[sandbox fail=content]] x" };
    const failed = await (await world.client.post("/v1/images/generations", failing)).text();
    expect(failed).toContain("event: error");
    expect(failed).toContain("content_policy_violation");
    await world.expectSpent(PRICE);
  }, 60_000);

  test("are refused with the vendor's word, and cost nothing", async () => {
    await world.newClient();
    const refused = await world.client.post("/v1/images/generations", {
      model: "local",
      prompt: "[[sandbox fail=content]] x",
    });
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { error: { code: "content_policy_violation" } },
    ]);
    const busy = await world.client.post("/v1/images/generations", {
      model: "local",
      prompt: "[[sandbox fail=429]] x",
    });
    expect([busy.status, busy.headers.has("retry-after")]).toEqual([429, true]);
    await busy.text();
    await world.expectSpent("0");
  }, 60_000);

  test("whose client leaves are cancelled where that is free", async () => {
    await world.newClient();
    world.vendor.behave({ ask: "running" });
    const leaving = new AbortController();
    const seen = world.vendor.count("ask");
    const asking = world.client.post(
      "/v1/images/generations",
      { model: "pics", prompt: "x" },
      {},
      leaving.signal,
    );
    await world.vendor.came("ask", seen + 1);
    leaving.abort();
    await asking.catch(() => {});
    const listed = (await (await world.client.get("/v1/tasks")).json()) as { data: readonly TaskView[] };
    expect(await world.ended(listed.data[0]?.id ?? "")).toMatchObject({ status: "cancelled", cost: "0" });
    await world.expectSpent("0");
  }, 60_000);
});
