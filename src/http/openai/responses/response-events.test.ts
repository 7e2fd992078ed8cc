import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import { requestId, vendorId } from "../../../core/ids.ts";
import { micropointsOf } from "../../../core/points.ts";
import { NO_USAGE } from "../../../core/usage.ts";
import type { Final } from "../../../gateway/gateway.ts";
import type { Piece } from "./piece.ts";
import { parseResponses } from "./request.ts";
import { ResponseEvents } from "./response-events.ts";

const completed: Final = {
  outcome: "completed",
  finishReason: "stop",
  usage: { ...NO_USAGE, input: 5, cachedInput: 2, output: 3, reasoning: 1 },
  cost: micropointsOf(40n),
  vendor: vendorId("v"),
};

interface Told {
  readonly text: string;
  readonly events: readonly (JsonObject & { readonly type: string })[];
  readonly response: JsonObject;
}

function told(pieces: readonly Piece[], final: Final = completed, more: object = {}): Told {
  const request = parseResponses({ model: "m", input: "x", ...more });
  const events = new ResponseEvents({
    requestId: requestId("req_abc"),
    createdAt: 100,
    model: "m-1",
    request,
  });
  let text = events.begin();
  for (const piece of pieces) text += events.write([piece]);
  const response = events.end(final, 200);
  text += events.close(final, response);
  return { text, events: eventsIn(text), response };
}

function eventsIn(text: string): Told["events"] {
  return text.split("\n\n").flatMap((frame) => {
    const [, event, data] = /^event: (.*)\ndata: (.*)$/s.exec(frame) ?? [];
    if (data === undefined) return [];
    const parsed = JSON.parse(data) as Told["events"][number];
    expect(parsed.type).toBe(event ?? "");
    return [parsed];
  });
}

const text = (said: string): Piece => ({ kind: "text", text: said });
const types = ({ events }: Told): readonly string[] => events.map(({ type }) => type);
const last = ({ events }: Told): JsonObject => events.at(-1) ?? {};

describe("the events of a response", () => {
  test("are numbered from 0 and tell a message from its first word to its last", () => {
    const all = told([text("He"), text("llo")]);
    expect(all.events.map(({ sequence_number }) => sequence_number)).toEqual(all.events.map((_, at) => at));
    expect(types(all)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(all.events[0]).toMatchObject({ response: { id: "resp_abc", status: "in_progress", output: [] } });
    expect(last(all)).toMatchObject({
      response: {
        id: "resp_abc",
        model: "m-1",
        status: "completed",
        completed_at: 200,
        output: [{ id: "msg_abc_0", status: "completed", content: [{ type: "output_text", text: "Hello" }] }],
        usage: {
          input_tokens: 7,
          input_tokens_details: { cached_tokens: 2 },
          output_tokens: 4,
          output_tokens_details: { reasoning_tokens: 1 },
          total_tokens: 11,
        },
      },
    });
  });

  test("the charge stands before a good end", () => {
    const frames = told([text("x")])
      .text.trimEnd()
      .split("\n\n");
    expect(frames.at(-2)).toStartWith(': sluice {"outcome":"completed","cost":"0.00004"');
    expect(frames.at(-1)).toStartWith("event: response.completed");
  });

  test("calls that are written in turns are items of their own, each with its arguments", () => {
    const all = told(
      [
        { kind: "call", call: 0, id: "a", name: "look", arguments: '{"x"' },
        { kind: "call", call: 1, id: "b", name: "look", arguments: "" },
        { kind: "call", call: 0, arguments: ":1}" },
      ],
      { ...completed, finishReason: "tool_calls" },
    );
    expect(last(all)).toMatchObject({
      type: "response.completed",
      response: {
        output: [
          { type: "function_call", call_id: "a", name: "look", arguments: '{"x":1}', status: "completed" },
          { type: "function_call", call_id: "b", name: "look", arguments: "{}", status: "completed" },
        ],
      },
    });
    expect(types(all).filter((type) => type === "response.function_call_arguments.done")).toHaveLength(2);
  });

  test("thoughts are told in the open, or as a summary to whoever asked for one", () => {
    const pieces: Piece[] = [{ kind: "reasoning", text: "Hm." }, text("So.")];
    const open = told(pieces);
    expect(types(open)).toContain("response.reasoning_text.delta");
    expect(last(open)).toMatchObject({
      response: { output: [{ type: "reasoning", summary: [], content: [{ text: "Hm." }] }, {}] },
    });
    const summary = told(pieces, completed, { reasoning: { summary: "auto" } });
    expect(types(summary)).toContain("response.reasoning_summary_text.delta");
    expect(last(summary)).toMatchObject({ response: { output: [{ summary: [{ text: "Hm." }] }, {}] } });
  });

  test("what a vendor wants back is kept, and shown only to whoever asked for it", () => {
    const pieces: Piece[] = [text("So."), { kind: "carried", fields: { thinking_blocks: [1] } }];
    const quiet = told(pieces);
    expect(quiet.text).not.toContain("encrypted_content");
    expect(JSON.stringify(quiet.response)).toContain("encrypted_content");
    const asked = told(pieces, completed, { include: ["reasoning.encrypted_content"] });
    expect(JSON.stringify(last(asked))).toContain('"encrypted_content":"sluice.');
  });

  test("a refusal is a part of the message", () => {
    const all = told([{ kind: "refusal", text: "No." }]);
    expect(types(all)).toContain("response.refusal.delta");
    expect(last(all)).toMatchObject({
      response: { output: [{ content: [{ type: "refusal", refusal: "No." }] }] },
    });
  });

  test("an answer with nothing in it completes with no output", () => {
    expect(last(told([]))).toMatchObject({ type: "response.completed", response: { output: [] } });
  });

  test.each([
    ["length", "max_output_tokens"],
    ["content_filter", "content_filter"],
  ])("one that ended by %s is incomplete", (finishReason, reason) => {
    const all = told([text("x")], { ...completed, finishReason });
    expect(last(all)).toMatchObject({
      type: "response.incomplete",
      response: { status: "incomplete", completed_at: null, incomplete_details: { reason } },
    });
    expect(all.events.at(-2)).toMatchObject({ item: { status: "incomplete" } });
  });

  test.each([
    ["truncated", "stream_truncated"],
    ["failed", "vendor_unavailable"],
    ["cancelled", "request_cancelled"],
  ] as const)("one that was %s has an error and fails, and the charge is the last word", (outcome, code) => {
    const error = new SluiceError(code, "It broke.");
    const all = told([text("x"), { kind: "call", call: 0, id: "a", name: "look", arguments: '{"' }], {
      ...completed,
      outcome,
      finishReason: null,
      error,
    });
    expect(types(all).slice(-2)).toEqual(["error", "response.failed"]);
    expect(types(all)).not.toContain("response.completed");
    expect(all.events.at(-2)).toMatchObject({
      code,
      message: "It broke.",
      error: { code, request_id: "req_abc" },
    });
    expect(last(all)).toMatchObject({
      response: {
        status: "failed",
        error: { code, message: "It broke." },
        output: [{ status: "completed" }, { type: "function_call", status: "incomplete", arguments: '{"' }],
      },
    });
    expect(all.text.trimEnd().split("\n\n").at(-1)).toStartWith(`: sluice {"outcome":"${outcome}"`);
  });
});

test("an item takes its place in memory however little it says, and so does what a vendor wants back", () => {
  const request = parseResponses({ model: "m", input: "x" });
  const events = new ResponseEvents({ requestId: requestId("req_abc"), createdAt: 100, model: "m", request });
  for (let call = 0; call < 50; call += 1) {
    events.write([{ kind: "call", call, id: `c${call}`, name: "f", arguments: "" }]);
    events.write([text("a"), { kind: "reasoning", text: "b" }]);
  }
  expect(events.chars).toBeGreaterThan(150 * 100);
  const before = events.chars;
  events.write([{ kind: "carried", fields: { thinking_blocks: ["x".repeat(5_000)] } }]);
  expect(events.chars).toBeGreaterThan(before + 5_000);
});
