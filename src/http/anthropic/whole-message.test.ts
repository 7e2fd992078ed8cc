import { expect, test } from "bun:test";
import { requestId, vendorId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { AnswerGeneration } from "../../gateway/gateway.ts";
import { wholeMessage } from "./whole-message.ts";

/** The input of the tool that an answer calls with these arguments. */
function inputOf(json: string): unknown {
  const message = { tool_calls: [{ id: "c", function: { name: "f", arguments: json } }] };
  const parsed = { choices: [{ message, finish_reason: "tool_calls" }] };
  const generation: AnswerGeneration = {
    kind: "answer",
    started: { requestId: requestId("req_a"), vendor: vendorId("v"), vendorModel: "m", attempts: 1 },
    answer: {
      ok: true,
      body: new Uint8Array(),
      parsed,
      usage: undefined,
      finishReasons: ["tool_calls"],
      outputChars: json.length,
    },
    final: {
      outcome: "completed",
      finishReason: "tool_calls",
      usage: NO_USAGE,
      cost: micropointsOf(1n),
      vendor: vendorId("v"),
    },
  };
  const { content } = wholeMessage(generation, { suffix: "a", model: "m" });
  return (content as { input: unknown }[])[0]?.input;
}

test("arguments of a call are its input, unless they are no object that can be written out again", () => {
  expect(inputOf('{"a":[1]}')).toEqual({ a: [1] });
  for (const json of ["", '{"a"', "[1]", "null", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`])
    expect(inputOf(json)).toEqual({});
});
