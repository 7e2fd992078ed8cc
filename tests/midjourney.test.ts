import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type MidjourneyWorld, PICTURE, PUBLIC, startMidjourneyWorld } from "./midjourney-world.ts";

/** The dialect of midjourney-proxy: jobs through everything they go through, at such a proxy and at another vendor. */
let world: MidjourneyWorld;
beforeAll(async () => {
  world = await startMidjourneyWorld();
}, 90_000);
afterAll(() => world.dispose(), 60_000);
afterEach(() => world.proxy.behave({}));

describe("imagine", () => {
  test("is one job at the proxy, shown as the protocol has it, and charged once", async () => {
    await world.newClient();
    const id = await world.submitted("imagine", { prompt: "a cat --ar 16:9 --v 7", state: "mine" });
    const task = await world.ended(id);
    expect(task).toMatchObject({
      id,
      action: "IMAGINE",
      status: "SUCCESS",
      prompt: "a cat --ar 16:9 --v 7",
      state: "mine",
      progress: "100%",
      failReason: null,
      buttons: [{ customId: "MJ::JOB::upsample::2::0a1b", label: "U2" }],
      properties: { finalPrompt: "a cat --ar 16:9 --v 7" },
    });
    const picture = await fetch(world.local(task.imageUrl));
    expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/png"]);
    const [job] = world.jobsFor(id);
    expect(world.jobsFor(id)).toHaveLength(1);
    expect(job?.path).toBe("/mj/submit/imagine");
    expect(job?.body).toMatchObject({ prompt: "a cat --ar 16:9 --v 7", state: id });
    await world.expectSpent("0.5");
  }, 60_000);

  test("with pictures, at a speed, by an idempotency key is still one job", async () => {
    await world.newClient();
    const body = { prompt: "like this", base64Array: [PICTURE], botType: "NIJI_JOURNEY" };
    const headers = { "idempotency-key": "once" };
    const id = await world.submitted("/mj-turbo/mj/submit/imagine", body, headers);
    expect(await world.submitted("/mj-turbo/mj/submit/imagine", body, headers)).toBe(id);
    await world.ended(id);
    const [job] = world.jobsFor(id);
    expect([world.jobsFor(id).length, job?.path]).toEqual([1, "/mj-turbo/mj/submit/imagine"]);
    expect(job?.body).toMatchObject({ prompt: "like this", base64Array: [PICTURE], botType: "NIJI_JOURNEY" });
    await world.expectSpent("0.5");
  }, 60_000);

  test("that fails costs nothing, and says why", async () => {
    await world.newClient();
    world.proxy.behave({ fetch: "failed" });
    const task = await world.ended(await world.submitted("imagine", { prompt: "a cat" }));
    expect(task).toMatchObject({ status: "FAILURE", progress: "", imageUrl: null });
    expect(task.failReason).toContain("it broke");
    await world.expectSpent("0");
  }, 60_000);

  test("with banned words, or without an account that could, is told at once and costs nothing", async () => {
    await world.newClient();
    world.proxy.behave({ submit: "banned" });
    expect(await world.submit("imagine", { prompt: "nude" })).toMatchObject({ code: 24 });
    world.proxy.behave({ submit: "no account" });
    expect(await world.submit("imagine", { prompt: "a cat" })).toMatchObject({ code: 9 });
    await world.expectSpent("0");
  }, 60_000);

  test("by another vendor is drawn in the shape that was asked for, and cannot be gone on from", async () => {
    await world.newClient();
    const id = await world.submitted("imagine", { prompt: "a cat --ar 16:9 --v 7", model: "local" });
    const task = await world.ended(id);
    expect(task).toMatchObject({
      status: "SUCCESS",
      imageWidth: 1360,
      imageHeight: 768,
      buttons: [],
    } as object);
    const before = world.proxy.jobs.length;
    for (const [path, body] of [
      ["change", { taskId: id, action: "REROLL" }],
      ["describe", { base64: PICTURE, model: "local" }],
    ] as const) {
      const { code, description } = await world.submit(path, body);
      expect([path, code, description]).toEqual([path, 4, expect.stringMatching(/Midjourney|midjourney/)]);
    }
    expect(world.proxy.jobs.length).toBe(before);
    await world.expectSpent("0.25");
  }, 60_000);
});

describe("a job", () => {
  test("whose submission was not answered is found by its mark", async () => {
    await world.newClient();
    world.proxy.behave({ submit: "take and cut", fetch: "running" });
    const seen = world.proxy.jobs.length;
    const asking = world.submit("imagine", { prompt: "a lost cat" });
    while (world.proxy.jobs.length === seen) await Bun.sleep(10);
    world.proxy.behave({});
    const { code, result = "" } = await asking;
    expect(code).toBe(1);
    expect(await world.ended(result)).toMatchObject({ status: "SUCCESS" });
    expect(world.jobsFor(result)).toHaveLength(1);
    await world.expectSpent("0.5");
  }, 60_000);

  test("that the proxy never had fails, is told so at once, and costs nothing", async () => {
    await world.newClient();
    // A list that tells marks is what can say so.
    await world.ended(await world.submitted("imagine", { prompt: "a cat" }));
    world.proxy.behave({ submit: "cut" });
    const seen = world.proxy.jobs.length;
    expect(await world.submit("imagine", { prompt: "a cat that never came" })).toMatchObject({ code: 9 });
    expect(world.proxy.jobs.length).toBe(seen);
    await world.expectSpent("0.5");
  }, 60_000);

  test("is asked about when the proxy tells of it, and not believed from what is told", async () => {
    await world.newClient();
    world.proxy.behave({ fetch: "running" });
    const id = await world.submitted("imagine", { prompt: "a told cat" });
    const [job] = world.jobsFor(id);
    if (job === undefined) throw new Error("no job");
    expect(String(job.body.notifyHook)).toStartWith(`${PUBLIC}/v1/hooks/midjourney/`);
    const lie = { status: "SUCCESS", imageUrl: "http://127.0.0.1:9/evil.png" };
    expect(await world.proxy.tell(job, lie, world.local)).toBe(204);
    expect((await world.fetched(id)).status).toBe("IN_PROGRESS");
    const guess = (url: string) => world.local(url).replace(/[^/]+$/, "guess");
    expect(await world.proxy.tell(job, { status: "SUCCESS" }, guess)).toBe(401);
    world.proxy.behave({});
    expect(await world.proxy.tell(job, { status: "SUCCESS", progress: "100%" }, world.local)).toBe(204);
    expect(await world.ended(id)).toMatchObject({ status: "SUCCESS" });
    await world.expectSpent("0.5");
  }, 60_000);

  test("is cancelled at a proxy that can, and costs nothing", async () => {
    await world.newClient();
    world.proxy.behave({ fetch: "running" });
    const id = await world.submitted("imagine", { prompt: "an unwanted cat" });
    await world.reached(id, "IN_PROGRESS");
    expect(await world.submit(`/mj/task/${id}/cancel`, {})).toMatchObject({ code: 1, result: id });
    expect(await world.ended(id)).toMatchObject({ status: "CANCEL" });
    expect(world.proxy.cancelled).toContain(world.jobsFor(id)[0]?.id ?? "");
    await world.expectSpent("0");
  }, 60_000);

  test("that a proxy cannot cancel is paid when it is made, and its picture is dropped", async () => {
    await world.newClient();
    world.proxy.behave({ fetch: "running", cancel: "unknown" });
    const id = await world.submitted("imagine", { prompt: "a stubborn cat" });
    await world.submit(`/mj/task/${id}/cancel`, {});
    await world.reached(id, "IN_PROGRESS");
    world.proxy.behave({ cancel: "unknown" });
    expect(await world.ended(id)).toMatchObject({ status: "CANCEL", imageUrl: null });
    await world.expectSpent("0.5");
  }, 60_000);

  test("outlives a node that is killed, is submitted once and charged once", async () => {
    await world.newClient();
    world.proxy.behave({ fetch: "running" });
    const key = { "idempotency-key": "patient" };
    const id = await world.submitted("imagine", { prompt: "a patient cat" }, key);
    await world.reached(id, "IN_PROGRESS");
    await world.gateway.kill();
    world.proxy.behave({});
    await world.gateway.restart();
    expect(await world.ended(id)).toMatchObject({ status: "SUCCESS", prompt: "a patient cat" });
    // Whoever comes again with the key, as after an answer that was lost, means this job.
    expect(await world.submitted("imagine", { prompt: "a patient cat" }, key)).toBe(id);
    expect(world.jobsFor(id)).toHaveLength(1);
    await world.expectSpent("0.5");
  }, 90_000);
});

describe("what goes on from a job", () => {
  test("goes to its proxy by its id there, at the price of the action", async () => {
    await world.newClient();
    const parent = await world.submitted("imagine", { prompt: "a cat" });
    expect((await world.ended(parent)).status).toBe("SUCCESS");
    const parentJob = world.jobsFor(parent)[0]?.id;
    const large = await world.submitted("simple-change", { content: `${parent} U2` });
    expect(await world.ended(large)).toMatchObject({ action: "UPSCALE", status: "SUCCESS", prompt: "a cat" });
    expect(world.jobsFor(large)[0]?.body).toMatchObject({ taskId: parentJob, action: "UPSCALE", index: 2 });
    const other = await world.submitted("change", { taskId: parent, action: "VARIATION", index: 1 });
    await world.ended(other);
    const pressed = await world.submitted("action", {
      taskId: parent,
      customId: "MJ::JOB::upsample::2::0a1b",
    });
    await world.ended(pressed);
    expect(world.jobsFor(pressed)[0]?.body).toMatchObject({
      taskId: parentJob,
      customId: "MJ::JOB::upsample::2::0a1b",
    });
    const seed = await (await world.client.get(`/mj/task/${parent}/image-seed`)).json();
    expect(seed).toMatchObject({ code: 1, result: "3141592653" });
    // imagine and a variation at 0.5, two enlargements at 0.2; the seed is free.
    await world.expectSpent("1.4");
  }, 90_000);

  test("waits to be confirmed where Midjourney asks back; asking is free, going on is not", async () => {
    await world.newClient();
    const parent = await world.submitted("imagine", { prompt: "a cat" });
    await world.ended(parent);
    world.proxy.behave({ submit: "modal" });
    const asked = await world.submit("action", { taskId: parent, customId: "MJ::Inpaint::1::0a1b" });
    expect(asked).toMatchObject({ code: 21, description: "Waiting for window confirm" });
    expect(await world.fetched(asked.result ?? "")).toMatchObject({ status: "MODAL" });
    world.proxy.behave({});
    const masked = { taskId: asked.result, prompt: "a hat", maskBase64: PICTURE };
    const id = await world.submitted("modal", masked);
    expect(await world.ended(id)).toMatchObject({ action: "MODAL", status: "SUCCESS", prompt: "a hat" });
    const window = world.jobsFor(asked.result ?? "")[0]?.id;
    expect(world.jobsFor(id)[0]?.body).toMatchObject({
      taskId: window,
      prompt: "a hat",
      maskBase64: PICTURE,
    });
    await world.expectSpent("1");
  }, 90_000);

  test("is nobody else's, and is refused before its parent has ended well", async () => {
    await world.newClient();
    world.proxy.behave({ fetch: "running" });
    const parent = await world.submitted("imagine", { prompt: "a cat" });
    const body = { taskId: parent, action: "REROLL" };
    expect(await world.submit("change", body)).toMatchObject({ code: 4 });
    world.proxy.behave({});
    await world.ended(parent);
    await world.expectSpent("0.5");
    await world.newClient();
    expect(await world.submit("change", body)).toMatchObject({ code: 3 });
    expect(await world.fetched(parent)).toBeNull();
    expect(await world.submit(`/mj/task/${parent}/cancel`, {})).toMatchObject({ code: 3 });
    const listed = await world.client.post("/mj/task/list-by-condition", { ids: [parent] });
    expect(await listed.json()).toEqual([]);
  }, 60_000);
});
