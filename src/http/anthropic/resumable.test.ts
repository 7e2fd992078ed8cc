import { beforeEach, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { tenantId } from "../../core/ids.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { StreamRegistry } from "../../gateway/streams/registry.ts";
import { callerOf, chatRequest } from "../../gateway/testing/fixtures.ts";
import { ScriptedGateway } from "../../gateway/testing/scripted-gateway.ts";
import { ScriptedGeneration } from "../../gateway/testing/scripted-generation.ts";
import { resumeStream } from "../streams.ts";
import { TOLD_AS_MESSAGE } from "./resumable.ts";

const tenant = tenantId("acme");
let streams: StreamRegistry;
beforeEach(() => {
  streams = new StreamRegistry(new ManualClock());
});

/** A stream that thinks, speaks and calls, and goes on. */
function open(): ScriptedGeneration {
  const generation = new ScriptedGeneration("a");
  generation.tell({ type: "reasoning", choice: 0, text: "Hm." });
  generation.say("one ", "two");
  generation.tell({ type: "toolCall", choice: 0, call: 0, id: "c", name: "look", arguments: "{}" });
  streams.open(callerOf({ tenant }), generation, chatRequest(), { told: TOLD_AS_MESSAGE });
  return generation;
}

async function framesAfter(after: number): Promise<readonly string[]> {
  const headers = { authorization: "Bearer sk-acme", "last-event-id": String(after) };
  const request = new Request("http://x/v1/streams/str_a", { headers });
  const response = await resumeStream({ gateway: new ScriptedGateway(), streams }, request, null, "str_a");
  return (await response.text()).split("\n\n").filter((frame) => frame !== "");
}

const idOf = (frame: string): number => Number(/^id: (\d+)$/m.exec(frame)?.[1] ?? Number.NaN);
const nameOf = (frame: string): string => /^event: (.*)$/m.exec(frame)?.[1] ?? "comment";

test("each event has its number, and whoever comes back after any of them misses none and sees none again", async () => {
  open().end();
  const whole = await framesAfter(0);
  const numbered = whole.filter((frame) => frame.startsWith("id: "));
  expect(numbered.map(idOf)).toEqual(numbered.map((_, at) => at + 1));
  const blocks = ["content_block_start", "content_block_delta"];
  expect(whole.map(nameOf)).toEqual([
    ...["message_start", "ping", ...blocks, "content_block_delta", "content_block_stop"],
    ...[...blocks, "content_block_delta", "content_block_stop"],
    ...[...blocks, "content_block_stop", "message_delta", "comment", "message_stop"],
  ]);
  for (let after = 1; after < numbered.length; after += 1) {
    expect(await framesAfter(after)).toEqual(whole.filter((frame) => !(idOf(frame) <= after)));
  }
});

test("whoever has had the last event gets the end once more", async () => {
  open().end();
  const whole = await framesAfter(0);
  const again = await framesAfter(whole.length - 1);
  expect(again.map(nameOf)).toEqual(["comment", "message_stop"]);
  expect(again[1]).toBe(whole.at(-1) ?? "");
});

test("one that breaks has an error and no end", async () => {
  open().end("truncated", new SluiceError("stream_truncated", "It broke."));
  const frames = await framesAfter(0);
  expect(frames.slice(-2).map(nameOf)).toEqual(["error", "comment"]);
  expect(frames.at(-2)).toContain('"request_id":"req_a"');
  expect(frames.map(nameOf)).not.toContain("message_stop");
});
