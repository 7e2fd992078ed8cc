import { expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { requestId, streamId, tenantId, vendorId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { DoneEntry, StreamAbout } from "../../gateway/streams/entry.ts";
import { entryFrames, repeatedEndFrames } from "./stream-entries.ts";

const ABOUT: StreamAbout = {
  streamId: streamId("str_1"),
  requestId: requestId("req_1"),
  tenant: tenantId("t"),
  operation: "chat",
  vendor: vendorId("v"),
  vendorModel: "model-1",
  attempts: 1,
  created: 1_700_000_000,
  includeUsage: false,
};
const NAMES = { id: "req_1", object: "chat.completion.chunk", created: 1_700_000_000, model: "model-1" };
const DONE: DoneEntry = {
  type: "done",
  seq: 4,
  final: {
    outcome: "completed",
    finishReason: "stop",
    usage: { ...NO_USAGE, input: 3, output: 2 },
    cost: micropointsOf(2_500_000n),
    vendor: vendorId("v"),
  },
  finishes: [{ choice: 0, reason: "stop", opens: false }],
};

/** The parsed `data` of each frame, `[DONE]` as it stands. */
const dataOf = (frames: string): unknown[] =>
  [...frames.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) =>
    data === "[DONE]" ? data : JSON.parse(data),
  );

test("a delta is a chunk under its number; the first of a choice has the role", () => {
  const frames = entryFrames({ type: "delta", seq: 1, choice: 0, opens: true, text: "Hi" }, ABOUT);
  expect(frames).toStartWith("id: 1\ndata: {");
  expect(frames).toEndWith("}\n\n");
  expect(dataOf(frames)).toEqual([
    {
      ...NAMES,
      choices: [
        { index: 0, delta: { role: "assistant", content: "Hi" }, logprobs: null, finish_reason: null },
      ],
    },
  ]);
});

test("reasoning, refusals and tool calls stand where OpenAI's clients look for them", () => {
  const frames = entryFrames(
    {
      type: "delta",
      seq: 2,
      choice: 1,
      opens: false,
      reasoning: "hm",
      refusal: "no",
      toolCalls: [
        { call: 0, id: "c", name: "f", arguments: "{" },
        { call: 0, arguments: "}" },
      ],
    },
    ABOUT,
  );
  expect(dataOf(frames)).toMatchObject([
    {
      choices: [
        {
          index: 1,
          delta: {
            reasoning_content: "hm",
            refusal: "no",
            tool_calls: [
              { index: 0, id: "c", type: "function", function: { name: "f", arguments: "{" } },
              { index: 0, function: { arguments: "}" } },
            ],
          },
        },
      ],
    },
  ]);
});

test("a completed stream ends with the finish chunk, the charge and [DONE]", () => {
  const frames = entryFrames(DONE, ABOUT);
  expect(frames.match(/^id: /gm)).toHaveLength(1);
  expect(frames).toStartWith("id: 4\n");
  expect(frames).toContain(': sluice {"outcome":"completed","cost":"2.5",');
  expect(dataOf(frames)).toMatchObject([
    { ...NAMES, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    "[DONE]",
  ]);
});

test("the usage chunk comes when it was asked for, before [DONE]; every other chunk says null", () => {
  const about = { ...ABOUT, includeUsage: true };
  const frames = entryFrames(DONE, about);
  expect(dataOf(frames)).toMatchObject([
    { usage: null },
    { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
    "[DONE]",
  ]);
  const delta = entryFrames({ type: "delta", seq: 1, choice: 0, opens: true, text: "x" }, about);
  expect(dataOf(delta)).toMatchObject([{ usage: null }]);
});

test("a choice that ended without content still gets its role", () => {
  const finishes = [{ choice: 0, reason: "content_filter" as const, opens: true }];
  expect(dataOf(entryFrames({ ...DONE, finishes }, ABOUT))[0]).toMatchObject({
    choices: [{ delta: { role: "assistant", content: "" }, finish_reason: "content_filter" }],
  });
});

test.each(["truncated", "failed", "cancelled"] as const)(
  "a %s stream never looks like a normal end",
  (outcome) => {
    const error = new SluiceError("stream_truncated", "It broke.");
    const frames = entryFrames({ ...DONE, final: { ...DONE.final, outcome, error } }, ABOUT);
    expect(frames).toStartWith("id: 4\n");
    expect(frames).not.toContain("[DONE]");
    expect(frames).not.toContain('"finish_reason":"stop"');
    expect(frames).toContain(`: sluice {"outcome":"${outcome}"`);
    expect(dataOf(frames)).toMatchObject([{ error: { code: "stream_truncated", message: "It broke." } }]);
  },
);

test("an end that is told again leaves the finish chunk out", () => {
  const frames = repeatedEndFrames(DONE, { ...ABOUT, includeUsage: true });
  expect(frames).toStartWith("id: 4\n");
  expect(dataOf(frames)).toMatchObject([{ choices: [] }, "[DONE]"]);
});

test("legacy completions stream in their own shape", () => {
  const about = { ...ABOUT, operation: "completion" as const };
  const [chunk] = dataOf(entryFrames({ type: "delta", seq: 1, choice: 0, opens: true, text: "x" }, about));
  expect(chunk).toMatchObject({
    object: "text_completion",
    choices: [{ index: 0, text: "x", finish_reason: null }],
  });
  expect(dataOf(entryFrames(DONE, about))[0]).toMatchObject({
    choices: [{ text: "", finish_reason: "stop" }],
  });
});
