import { describe, expect, test } from "bun:test";
import { NO_USAGE } from "../../core/usage.ts";
import { usageOf } from "./usage.ts";

describe("usage in the normal form", () => {
  test.each([
    [{ prompt_tokens: 8, total_tokens: 8 }, {}, { input: 8 }],
    [{ prompt_tokens: 10, completion_tokens: 5 }, {}, { input: 10, output: 5 }],
    [
      {
        prompt_tokens: 10.0,
        completion_tokens: 5,
        prompt_tokens_details: null,
        completion_tokens_details: null,
      },
      {},
      { input: 10, output: 5 },
    ],
    [
      { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 10 } },
      {},
      { cachedInput: 10, output: 5 },
    ],
    [
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 3 },
        completion_tokens_details: { reasoning_tokens: 4 },
      },
      {},
      { input: 5, cachedInput: 2, cacheWrite: 3, output: 1, reasoning: 4 },
    ],
    [
      { prompt_tokens: 10, completion_tokens: 5, hit: 4 },
      { cachedField: "hit" },
      { input: 6, cachedInput: 4, output: 5 },
    ],
    [
      { prompt_tokens: 10, completion_tokens: 5, hit: 4, prompt_tokens_details: { cached_tokens: 0 } },
      { cachedField: "hit" },
      { input: 10, output: 5 },
    ],
    [
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 22,
        completion_tokens_details: { reasoning_tokens: 7 },
      },
      { mayExcludeReasoning: true },
      { input: 10, output: 5, reasoning: 7 },
    ],
    [
      {
        prompt_tokens: 10,
        completion_tokens: 9,
        total_tokens: 19,
        completion_tokens_details: { reasoning_tokens: 7 },
      },
      { mayExcludeReasoning: true },
      { input: 10, output: 2, reasoning: 7 },
    ],
    [
      {
        prompt_tokens: 20,
        completion_tokens: 9,
        prompt_tokens_details: { cached_tokens: 2, audio_tokens: 5, image_tokens: 6, text_tokens: 9 },
        completion_tokens_details: { reasoning_tokens: 1, audio_tokens: 7 },
      },
      {},
      {
        ...{ input: 7, cachedInput: 2, audioInput: 5, imageInput: 6 },
        output: 1,
        reasoning: 1,
        audioOutput: 7,
      },
    ],
    [
      // Part of the sound was read from the cache: it counts as cached, not twice.
      { prompt_tokens: 20, prompt_tokens_details: { cached_tokens: 17, audio_tokens: 5, image_tokens: 0 } },
      {},
      { cachedInput: 17, audioInput: 3 },
    ],
  ])("%j", (raw, fields, expected) => {
    expect(usageOf(raw, fields)).toEqual({ ...NO_USAGE, ...expected });
  });

  test.each([
    {},
    { prompt_tokens: 5, prompt_tokens_details: { audio_tokens: -1 } },
    { prompt_tokens: 5, prompt_tokens_details: { image_tokens: 1.5 } },
    { prompt_tokens: 5, completion_tokens: 5, completion_tokens_details: { audio_tokens: 6 } },
    { completion_tokens: 5 },
    { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    { prompt_tokens: -1, completion_tokens: 5 },
    { prompt_tokens: 10, completion_tokens: -5 },
    { prompt_tokens: 10.5, completion_tokens: 5 },
    { prompt_tokens: "10", completion_tokens: 5 },
    { prompt_tokens: 1e300, completion_tokens: 5 },
    { prompt_tokens: 1e12, completion_tokens: 5 },
    { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 11 } },
    { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: -1 } },
    { prompt_tokens: 10, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 6 } },
  ])("%j is not believed", (raw) => {
    expect(usageOf(raw)).toBeUndefined();
  });
});
