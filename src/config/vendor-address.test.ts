import { expect, test } from "bun:test";
import { addressProblem } from "./vendor-address.ts";

test.each([
  ["https://dashscope.aliyuncs.com/compatible-mode/v1"],
  ["https://dashscope-intl.aliyuncs.com/api/v1/"],
  ["https://ws-1.cn-beijing.maas.aliyuncs.com/api/v1"],
  ["https://coding-intl.dashscope.aliyuncs.com/v1"],
  ["http://127.0.0.1:9101/v1"],
  ["https://proxy.example.com/qwen"],
  [undefined],
  ["not a URL"],
])("qwen may be asked at %p", (baseUrl) => {
  expect(addressProblem("qwen", baseUrl)).toBeUndefined();
});

test.each([
  ["https://dashscope.aliyuncs.com"],
  ["https://dashscope.aliyuncs.com/v1"],
  ["https://dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation"],
])("nothing answers qwen's calls at %p", (baseUrl) => {
  expect(addressProblem("qwen", baseUrl)).toContain("must end with /compatible-mode/v1");
  expect(addressProblem("openai-compatible", baseUrl)).toBeUndefined();
});
