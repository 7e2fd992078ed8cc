import { expect, test } from "bun:test";
import { shaped } from "../testing/shaped.ts";
import { openaiCompatible } from "./index.ts";

test("everything passes on but the role that only OpenAI knows", () => {
  const messages = [
    { role: "developer", content: "be brief" },
    { role: "user", content: "hi" },
  ];
  const { body, dropped } = shaped(openaiCompatible, { messages, top_k: 5, guided_json: {}, stop: null });
  expect(body).toEqual({
    model: "m",
    messages: [{ role: "system", content: "be brief" }, messages[1]],
    top_k: 5,
    guided_json: {},
    stop: null,
  });
  expect(dropped).toEqual([]);
});

test.each([
  [{ max_tokens: 9 }, undefined, { max_tokens: 9 }],
  [{ max_completion_tokens: 9 }, undefined, { max_completion_tokens: 9 }],
  [{ max_completion_tokens: 9 }, 4, { max_completion_tokens: 4 }],
  [{}, 4, { max_tokens: 4 }],
])("the limit %j under a cap of %p is sent as %j", (limits, capped, sent) => {
  const target = capped === undefined ? {} : { cappedOutputTokens: capped };
  const { body } = shaped(openaiCompatible, limits, target);
  expect(body).toEqual({ model: "m", messages: [{ role: "user", content: "hi" }], ...sent });
});
