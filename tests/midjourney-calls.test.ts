import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { type MidjourneyWorld, type MjTask, PICTURE, startMidjourneyWorld } from "./midjourney-world.ts";

/** The calls of midjourney-proxy's dialect beside the jobs themselves: who may ask, what is told, kept and listed. */
let world: MidjourneyWorld;
beforeAll(async () => {
  world = await startMidjourneyWorld();
}, 90_000);
afterAll(() => world.dispose(), 60_000);
afterEach(() => world.proxy.behave({}));

test("a picture is described in words, at the price of that", async () => {
  await world.newClient();
  const id = await world.submitted("describe", { base64: PICTURE });
  expect(await world.ended(id)).toMatchObject({
    action: "DESCRIBE",
    status: "SUCCESS",
    imageUrl: null,
    properties: { finalPrompt: "1️⃣ a cat\n\n2️⃣ a dog" },
  });
  await world.expectSpent("0.1");
}, 60_000);

test("a client's own notifyHook gets the task itself, signed", async () => {
  await world.newClient();
  const { hook, received } = world;
  const id = await world.submitted("imagine", { prompt: "a cat", notifyHook: hook, state: "order 7" });
  await world.ended(id);
  while (received.length === 0) await Bun.sleep(20);
  const { headers, body } = received[0] ?? { headers: {}, body: "" };
  const { secret } = (await (await world.client.get("/v1/webhooks/secret")).json()) as { secret: string };
  const told = new Webhook(secret).verify(body, headers) as MjTask;
  expect(told).toMatchObject({ id, status: "SUCCESS", state: "order 7", prompt: "a cat" });
  expect((await fetch(world.local(told.imageUrl))).status).toBe(200);
}, 60_000);

test("several tasks are asked about at once, and listed", async () => {
  await world.newClient();
  const ids = [
    await world.submitted("imagine", { prompt: "one" }),
    await world.submitted("imagine", { prompt: "two" }),
  ];
  for (const id of ids) await world.ended(id);
  const ask = await world.client.post("/mj/task/list-by-condition", { ids: [ids[1], "task_none", ids[0]] });
  expect(((await ask.json()) as MjTask[]).map(({ prompt }) => prompt)).toEqual(["two", "one"]);
  expect((await (await world.client.get("/mj/task/list")).json()) as MjTask[]).toHaveLength(2);
  expect(await (await world.client.get("/mj/task/queue")).json()).toEqual([]);
}, 60_000);

test("pictures are kept here instead of at Discord", async () => {
  await world.newClient();
  const { code, result } = await world.submit("upload-discord-images", { base64Array: [PICTURE, PICTURE] });
  const links = result as unknown as string[];
  expect([code, links.length]).toEqual([1, 2]);
  expect((await fetch(world.local(links[0] ?? ""))).headers.get("content-type")).toBe("image/png");
});

describe("who asks", () => {
  const ask = (headers: Record<string, string>) =>
    fetch(`${world.gateway.url}/mj/submit/imagine`, { method: "POST", headers, body: "{}" });

  test("may say so by mj-api-secret, and nobody is let in by a wrong one", async () => {
    await world.newClient();
    expect(await (await ask({ "mj-api-secret": world.client.key })).json()).toMatchObject({ code: 4 });
    const wrong = await ask({ "mj-api-secret": "sk-wrong" });
    expect([wrong.status, await wrong.json()]).toMatchObject([
      401,
      { code: 4, error: { code: "invalid_api_key" } },
    ]);
    expect((await ask({})).status).toBe(401);
    const scoped = await world.gateway.client("1", { scopes: ["chat"] });
    expect((await ask({ "mj-api-secret": scoped.key })).status).toBe(403);
  });

  test("without points is refused with 402, and nothing is submitted", async () => {
    await world.newClient("0");
    const seen = world.proxy.jobs.length;
    const refused = await world.client.post("/mj/submit/imagine", { prompt: "a cat" });
    expect([refused.status, await refused.json()]).toMatchObject([
      402,
      { error: { code: "insufficient_points" } },
    ]);
    expect(world.proxy.jobs.length).toBe(seen);
  });

  test("asks wrongly is told what is wrong by a code", async () => {
    await world.newClient();
    for (const [path, body] of [
      ["imagine", {}],
      ["imagine", { prompt: "x", base64Array: ["no picture"] }],
      ["imagine", { prompt: "x", notifyHook: "ftp://x" }],
      ["change", { taskId: "x", action: "DANCE" }],
      ["change", { taskId: "x", action: "UPSCALE", index: 9 }],
      ["simple-change", { content: "x Y9" }],
      ["blend", { base64Array: [PICTURE] }],
      ["describe", {}],
      ["edits", { prompt: "x" }],
    ] as const) {
      expect([path, body, (await world.submit(path, body)).code]).toEqual([path, body, 4]);
    }
    expect((await world.submit("imagine", { prompt: "x", model: "nothing" })).code).toBe(3);
    expect((await world.client.post("/mj/submit/dance", {})).status).toBe(404);
    await world.expectSpent("0");
  });
});
