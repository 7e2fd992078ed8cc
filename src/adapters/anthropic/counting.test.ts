import { expect, test } from "bun:test";
import type { JsonObject } from "../../core/generation.ts";
import { requestOf } from "../testing/fixtures.ts";
import { counting } from "./counting.ts";

const TARGET = { model: "claude-opus-4-8", baseUrl: "http://v/v1", secret: "s" };
const messages = [{ role: "user", content: "hi" }];
const sentFor = (request: Parameters<typeof counting.buildCall>[0]) => {
  const call = counting.buildCall(request, TARGET);
  return { url: call.url, body: JSON.parse(String(call.body)) as JsonObject };
};

test("a prompt is counted by what of it is read, in the client's own words", () => {
  const body = { messages, system: "s", max_tokens: 9, stream: true, temperature: 1, metadata: {} };
  const { url, body: sent } = sentFor(
    requestOf("chat", { messages }, { native: { dialect: "anthropic", body } }),
  );
  expect(url).toBe("http://v/v1/messages/count_tokens");
  expect(sent).toEqual({ model: "claude-opus-4-8", messages, system: "s" });
});

test("a chat is counted as the message that it would be", () => {
  const chat = { messages: [{ role: "system", content: "s" }, ...messages], max_tokens: 9 };
  expect(sentFor(requestOf("chat", chat)).body).toEqual({
    model: "claude-opus-4-8",
    messages,
    system: "s",
  });
});

test.each([
  ['{"input_tokens":7}', 7],
  ['{"input_tokens":0}', 0],
  ['{"input_tokens":-1}', undefined],
  ['{"input_tokens":1.5}', undefined],
  ["{}", undefined],
  ["<html>", undefined],
])("%s counts %p", (body, expected) => {
  expect(counting.readCount(Buffer.from(body))).toBe(expected);
});
