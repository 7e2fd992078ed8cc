import { describe, expect, test } from "bun:test";
import { nextOf } from "../core/poll.ts";
import { NO_USAGE } from "../core/usage.ts";
import { isBelievable } from "./believed-usage.ts";
import type { Generation } from "./gateway.ts";
import { parseChat } from "./requests/chat.ts";
import { routeOf } from "./testing/fixtures.ts";
import { createRunWorld, DONE, delta, FINISH } from "./testing/run-world.ts";

async function readAll(generation: Generation): Promise<void> {
  if (generation.kind !== "stream") throw new Error("not a stream");
  while ((await nextOf(generation)) !== null);
}

const usage = (prompt_tokens: number, completion_tokens: number, reasoning_tokens?: number): object => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
  ...(reasoning_tokens === undefined ? {} : { completion_tokens_details: { reasoning_tokens } }),
});
const told = (counts: object): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage: counts })}\n\n`;

describe.each([
  ["output", { max_tokens: 50 }, usage(10, 9e9)],
  ["output where the client named 1,000", { max_tokens: 1_000 }, usage(10, 9e9)],
  ["output where the client named no limit", {}, usage(10, 9e9)],
  ["some thousands of tokens", { max_tokens: 50 }, usage(10, 4_000)],
  ["thoughts", { max_tokens: 50 }, usage(10, 9e9, 9e9)],
  ["input", { max_tokens: 50 }, usage(9e9, 2)],
])("a vendor that claims more %s than the request can have", (_, fields, counts) => {
  test("is charged for what it streamed, and the receipt says so", async () => {
    const world = createRunWorld();
    world.say(delta("a") + delta("b") + FINISH + told(counts) + DONE);
    world.end();
    await readAll(await world.chat({ ...fields, stream: true }));
    const [record] = world.booked;
    expect(record).toMatchObject({ outcome: "completed", usage: { output: 2 } });
    expect(record?.usage.input).toBeLessThan(1_000);
    expect(record?.flags).toEqual(["usage_estimated"]);
    expect(record?.loss).toBe(0n as never);
  });

  test("is charged for what it said in a whole answer", async () => {
    const world = createRunWorld();
    const message = { role: "assistant", content: "abcdefgh" };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    world.say(
      JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m", choices, usage: counts }),
    );
    world.end();
    const generation = await world.chat(fields);
    expect(generation.kind).toBe("answer");
    const [record] = world.booked;
    expect(record).toMatchObject({ outcome: "completed", usage: { output: 2 } });
    expect(record?.usage.input).toBeLessThan(1_000);
    expect(record?.flags).toEqual(["usage_estimated"]);
  });
});

test("a nonsense at the end does not take back what was told before it", async () => {
  const world = createRunWorld();
  world.say(delta("a", usage(10, 1)));
  const stream = await world.chat({ max_tokens: 50, stream: true });
  if (stream.kind === "stream") await nextOf(stream);
  world.say(delta("bcde") + FINISH + told(usage(10, 9e9)) + DONE);
  world.end();
  await readAll(stream);
  expect(world.booked[0]).toMatchObject({ usage: { input: 10, output: 2 }, flags: ["usage_estimated"] });
});

test("what is estimated is never more than the request can have", async () => {
  const world = createRunWorld();
  world.say(delta("abcd").repeat(40) + FINISH + DONE);
  world.end();
  await readAll(await world.chat({ max_tokens: 7, stream: true }));
  expect(world.booked[0]).toMatchObject({ usage: { output: 7 }, flags: ["usage_estimated"] });
});

describe("what vendors honestly count otherwise is believed", () => {
  const route = { ...routeOf("v", { input: 1n, output: 1n }), maxOutputTokens: 8_000 };
  const request = (fields: object = {}, bytes = 100) =>
    parseChat({ model: "m", messages: [{ role: "user", content: "hi" }], ...fields }, bytes);
  const said = (chars: number, reasoningChars = 0) => ({ frames: 0, chars, reasoningChars });
  const nothing = said(0);

  test.each([
    ["a few tokens beyond the limit", request({ max_tokens: 50 }), { output: 60 }, nothing],
    ["tools that only a name was sent of", request(), { input: 3_500, output: 1 }, nothing],
    ["a prompt that was mostly in a cache", request({}, 8_000), { input: 10, cachedInput: 6_000 }, nothing],
    ["several answers", request({ max_tokens: 1_000, n: 8 }), { output: 8_000 }, nothing],
    [
      "thoughts beside the limit that were seen",
      request({ max_tokens: 50 }),
      { reasoning: 5_000 },
      said(9, 20_000),
    ],
    ["unseen thoughts where nobody named a limit", request(), { output: 100, reasoning: 20_000 }, nothing],
    ["an answer longer than the catalog says", request(), { output: 60_000 }, said(200_000)],
    [
      "a prediction that was rejected",
      request({ max_tokens: 50, prediction: { type: "content", content: "x".repeat(8_000) } }),
      { output: 2_000 },
      nothing,
    ],
  ])("%s", (_, asked, counts, delivered) => {
    expect(isBelievable(route, asked, { ...NO_USAGE, ...counts }, delivered)).toBe(true);
  });

  test("no more than the balance allowed is believed", () => {
    const counts = { ...NO_USAGE, output: 8_000 };
    expect(isBelievable(route, request(), counts, nothing)).toBe(true);
    expect(isBelievable(route, request(), counts, nothing, 100)).toBe(false);
  });
});
