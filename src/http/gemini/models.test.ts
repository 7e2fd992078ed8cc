import { expect, test } from "bun:test";
import { vendorId } from "../../core/ids.ts";
import type { ModelView } from "../../gateway/gateway.ts";
import { callIn } from "./method.ts";
import { geminiModels } from "./models.ts";

const view = (id: string, operation: ModelView["operations"][number]): ModelView => ({
  id,
  operations: [operation],
  vendors: [vendorId("v")],
});
const MODELS = [view("a", "chat"), view("b/c", "chat"), view("d", "image"), view("e", "embedding")];
const page = (query: string) => {
  const { models, nextPageToken } = geminiModels(MODELS, new URLSearchParams(query));
  return [(models as { name: string }[]).map(({ name }) => name), nextPageToken];
};

test("models come page by page, those that can be asked for texts or vectors", () => {
  expect(page("")).toEqual([["models/a", "models/b/c", "models/e"], undefined]);
  expect(page("pageSize=2")).toEqual([["models/a", "models/b/c"], "e"]);
  expect(page("pageSize=2&pageToken=e")).toEqual([["models/e"], undefined]);
  expect(page("pageSize=1&pageToken=b/c")).toEqual([["models/b/c"], "e"]);
  expect(page("pageSize=5000")).toEqual(page(""));
  expect(() => page("pageSize=-1")).toThrow("pageSize");
  expect(() => page("pageToken=nobody")).toThrow("pageToken");
});

test.each([
  ["m:generateContent", { model: "m", method: "generateContent" }],
  ["a/b:c:streamGenerateContent", { model: "a/b:c", method: "streamGenerateContent" }],
  ["a%2Fb%3Ac:countTokens", { model: "a/b:c", method: "countTokens" }],
  ["100%:embedContent", { model: "100%", method: "embedContent" }],
  ["m", undefined],
  ["m:tuneModel", undefined],
  [":generateContent", undefined],
  ["generateContent", undefined],
])("%s calls %j", (rest, call) => {
  expect(callIn(rest)).toEqual(call as ReturnType<typeof callIn>);
});
