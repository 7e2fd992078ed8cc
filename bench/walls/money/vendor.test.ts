import { afterEach, beforeEach, expect, test } from "bun:test";
import { ask, tokensOfAnswer, tokensOfStream } from "./client.ts";
import { outputTokens, startVendor, type Vendor } from "./vendor.ts";

let vendor: Vendor;
beforeEach(() => {
  vendor = startVendor(0);
});
afterEach(() => vendor.stop());

const payer = { tenant: "acme", key: "k" };
const put = (number: number, isStream: boolean) =>
  ask(vendor.url, { payer, number, model: "wall", isStream });

test("client and vendor count the same, whole and streamed", async () => {
  const records = await Promise.all(Array.from({ length: 40 }, (_, number) => put(number, number % 2 === 0)));
  for (const record of records) {
    const call = vendor.account().prompts[record.prompt];
    const output = outputTokens(record.prompt);
    if (record.seen === "served") {
      expect(record.output).toBe(output);
      expect(call).toEqual({ asked: 1, calls: 1, whole: 1, most: output, all: output });
    } else {
      expect(record).toMatchObject({ seen: "refused", status: 500 });
      expect(call).toEqual({ asked: 1, calls: 0, whole: 0, most: 0, all: 0 });
    }
  }
});

test("a second call for a prompt is counted on its own", async () => {
  const [first] = await Promise.all([put(1, true), put(1, true)]);
  const output = outputTokens(first.prompt);
  expect(vendor.account().prompts[first.prompt]).toEqual({
    asked: 2,
    calls: 2,
    whole: 2,
    most: output,
    all: 2 * output,
  });
});

test("an answer that is not whole is not counted as one", () => {
  expect(tokensOfStream('data: {"delta":{"content":" word"}}\n\ndata: [DONE]\n\n')).toBe(1);
  expect(tokensOfStream('data: {"delta":{"content":" word"}}\n\n')).toBeUndefined();
  expect(tokensOfStream('data: {"error":{"code":"stream_truncated"}}\n\ndata: [DONE]\n\n')).toBeUndefined();
  const answer = (words: number, told: number) =>
    JSON.stringify({
      choices: [{ message: { content: " word".repeat(words) } }],
      usage: { completion_tokens: told },
    });
  expect(tokensOfAnswer(answer(3, 3))).toBe(3);
  expect(tokensOfAnswer(answer(2, 3))).toBeUndefined();
  expect(tokensOfAnswer(answer(3, 3).slice(0, -1))).toBeUndefined();
});
