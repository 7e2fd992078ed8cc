import { expect, test } from "bun:test";
import { NO_USAGE } from "../../core/usage.ts";
import { usageOf } from "./usage.ts";

const raw = { input_tokens: 5, output_tokens: 9 };
const plain = { ...NO_USAGE, input: 5, output: 9 };

test.each([
  [{ cache_creation_input_tokens: 7 }, { cacheWrite: 7 }],
  [
    {
      cache_creation_input_tokens: 7,
      cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 4 },
    },
    { cacheWrite: 3, cacheWriteLong: 4 },
  ],
  [
    { cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 4 } },
    { cacheWrite: 3, cacheWriteLong: 4 },
  ],
  [{ cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 0 } }, { cacheWrite: 3 }],
  [{ output_tokens_details: { thinking_tokens: 4 } }, { output: 5, reasoning: 4 }],
  [{ service_tier: "batch" }, { serviceTier: "batch" }],
  [{ service_tier: "standard" }, {}],
])("usage with %j is %j", (told, expected) => {
  expect(usageOf({ ...raw, ...told })).toEqual({ ...plain, ...expected });
});

test("more written for an hour than at all is no usage", () => {
  const written = { cache_creation_input_tokens: 1, cache_creation: { ephemeral_1h_input_tokens: 2 } };
  expect(usageOf({ ...raw, ...written })).toBeUndefined();
});
