import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { shaped } from "../testing/shaped.ts";
import { doubao } from "./index.ts";

const USER = { role: "user", content: "hi" };

describe("a request to Doubao", () => {
  test("leaves out what Ark does not know, and says so", () => {
    const { body, dropped } = shaped(doubao, {
      seed: 1,
      top_k: 3,
      store: false,
      metadata: { a: "b" },
      prediction: {},
      verbosity: "low",
      prompt_cache_key: "k",
      service_tier: "flex",
      user: "u",
      frequency_penalty: 1,
      caching: { type: "enabled" },
    });
    expect(body).toEqual({
      model: "m",
      messages: [USER],
      user: "u",
      frequency_penalty: 1,
      caching: { type: "enabled" },
    });
    expect(dropped).toEqual([
      "seed",
      "top_k",
      "metadata",
      "prediction",
      "verbosity",
      "prompt_cache_key",
      "service_tier",
    ]);
  });

  test.each([
    [{ max_tokens: 9 }, { max_completion_tokens: 9 }],
    [{ max_completion_tokens: 9 }, { max_completion_tokens: 9 }],
    [{ max_tokens: 9, max_completion_tokens: 5 }, { max_completion_tokens: 5 }],
    [{ max_tokens: 100_000 }, { max_completion_tokens: 65_536 }],
    [
      { max_tokens: 9, thinking: { type: "disabled" } },
      { max_tokens: 9, thinking: { type: "disabled" } },
    ],
    [{ reasoning_effort: "none" }, { thinking: { type: "disabled" } }],
    [{ reasoning_effort: "minimal" }, { reasoning_effort: "minimal" }],
    [{ reasoning_effort: "xhigh" }, { reasoning_effort: "high" }],
    [{ reasoning_effort: "max" }, { reasoning_effort: "high" }],
    [{ service_tier: "default" }, { service_tier: "default" }],
    [{ thinking: { type: "auto" } }, { thinking: { type: "auto" } }],
  ])("%j is sent as %j", (asked, sent) => {
    expect(shaped(doubao, asked)).toMatchObject({ dropped: [] });
    expect(shaped(doubao, asked).body).toEqual({ model: "m", messages: [USER], ...sent });
  });

  test("the developer is the system here", () => {
    const { body } = shaped(doubao, { messages: [{ role: "developer", content: "x" }, USER] });
    expect(body.messages).toEqual([{ role: "system", content: "x" }, USER]);
  });

  test("the client's wish for running usage is kept", () => {
    const { body } = shaped(doubao, { stream_options: { chunk_include_usage: true } }, { stream: true });
    expect(body.stream_options).toEqual({ chunk_include_usage: true, include_usage: true });
  });

  test.each([
    ["doubao-seed-2-1-pro-260915", "http://v/chat/completions"],
    ["ep-20250101000000-abcde", "http://v/chat/completions"],
    ["bot-20250101000000-abcde", "http://v/bots/chat/completions"],
  ])("%s is served at %s", (model, url) => {
    expect(shaped(doubao, {}, { model }).url).toBe(url);
  });

  test("embeddings take a list of texts", () => {
    expect(shaped(doubao, { input: "a", user: null }, { operation: "embedding" }).body).toEqual({
      model: "m",
      input: ["a"],
    });
    expect(() => shaped(doubao, { input: [1, 2] }, { operation: "embedding" })).toThrow(SluiceError);
  });

  test("five stop sequences are too many", () => {
    expect(shaped(doubao, { stop: ["a", "b", "c", "d"] }).body.stop).toHaveLength(4);
    expect(() => shaped(doubao, { stop: ["a", "b", "c", "d", "e"] })).toThrow(SluiceError);
  });
});
