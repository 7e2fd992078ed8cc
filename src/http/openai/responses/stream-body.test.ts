import { beforeEach, expect, test } from "bun:test";
import type { Passage } from "../../../adapters/adapter.ts";
import { requestId, tenantId } from "../../../core/ids.ts";
import { ManualClock } from "../../../core/manual-clock.ts";
import { NOT_YET, type NotYet } from "../../../core/poll.ts";
import { ScriptedGeneration } from "../../../gateway/testing/scripted-generation.ts";
import type { Keeping } from "./keeping.ts";
import { parseResponses } from "./request.ts";
import { MOST_RESPONSE_CHARS, streamBody } from "./stream-body.ts";

/** A scripted generation that gives the frames of chat, as `passthrough` does. */
class Frames extends ScriptedGeneration {
  override poll(): Passage | null | NotYet {
    const passage = super.poll();
    if (passage === NOT_YET) return passage;
    const texts = passage?.events.flatMap((event) => (event.type === "text" ? [event.text] : [])) ?? [];
    if (passage === null || texts.length === 0) return passage;
    const frames = texts.map(
      (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`,
    );
    return { events: [], hasContent: true, bytes: new TextEncoder().encode(frames.join("")) };
  }
}

let generation: Frames;
let isLedgerThere: boolean;
let kept: string[];
const keeping: Keeping = {
  async keep(_, __, { status }) {
    kept.push(String(status));
    return isLedgerThere;
  },
  close() {},
};
beforeEach(() => {
  generation = new Frames("a");
  isLedgerThere = true;
  kept = [];
});

function open(more: object = {}): Response {
  const request = parseResponses({ model: "m", input: "x", stream: true, ...more });
  const about = { requestId: requestId("req_a"), createdAt: 1, model: "m-1", request };
  return new Response(
    streamBody({ clock: new ManualClock(), keeping }, generation, tenantId("t"), about, request),
  );
}

test("the beginning is told before the vendor has said anything", async () => {
  const reader = open().body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  expect(new TextDecoder().decode(value)).toContain("event: response.created");
  expect(generation.pulled).toBe(0);
  await reader?.cancel();
});

test("the end tells whether the response was kept, and one that was not to be is not", async () => {
  generation.say("one").end();
  expect(await open().text()).toContain('"store":true');
  isLedgerThere = false;
  generation = new Frames("b").say("one").end();
  const end = (await open().text()).split("event: response.completed")[1] ?? "";
  expect(end).toContain('"store":false');
  generation = new Frames("c").say("one").end();
  await open({ store: false }).text();
  expect(kept).toEqual(["completed", "completed"]);
});

test("a client that leaves stops the vendor, and the charge is settled all the same", async () => {
  generation.say("one", "two");
  const reader = open().body?.getReader();
  await reader?.read();
  await reader?.cancel();
  expect(generation.poll()).toBeNull();
  expect(generation.isCancelled).toBe(true);
  expect(generation.final?.outcome).toBe("cancelled");
  expect(kept).toEqual([]);
});

test("an answer that is longer than can be told once more is stopped, and says so", async () => {
  const piece = "x".repeat(MOST_RESPONSE_CHARS / 2);
  // The item takes a little too.
  generation.say(piece, piece.slice(1_000), piece.slice(-1_000), "z");
  const text = await open().text();
  expect(generation.pulled).toBe(3);
  expect(text).toContain("longer than the 2097152 characters");
  expect(text).toContain("event: response.failed");
  expect(text).not.toContain("event: response.completed");
});
