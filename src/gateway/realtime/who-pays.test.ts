import { describe, expect, test } from "bun:test";
import { createRealtimeWorld, type FakeEnd, frame, settled } from "../testing/realtime-world.ts";
import { LAST_ANSWERS_MS, LOOK_MS, MOST_UNSENT_BYTES } from "./limits.ts";

/** Clients and vendors who would have somebody else pay. A token in costs 1 micropoint here, one out 10; 100 out at most. */

interface Begun {
  readonly world: ReturnType<typeof createRealtimeWorld>;
  readonly end: FakeEnd;
}

const created = (id: string) => frame({ type: "response.created", response: { id } });
const said = (id: string, chars: number) =>
  frame({ type: "response.output_text.delta", response_id: id, delta: "x".repeat(chars) });
const done = (id: string, input: number, output: number, more: object = {}) => {
  const usage = { input_tokens: input, output_tokens: output };
  return frame({ type: "response.done", response: { id, usage, ...more } });
};
const ask = (response: object = {}) => frame({ type: "response.create", response });
const type = (text: string) =>
  frame({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
  });
const hear = (chars: number) => frame({ type: "input_audio_buffer.append", audio: "A".repeat(chars) });

describe("several answers at once", () => {
  test("are each held for before they are asked for", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    const one = world.held.points;
    for (let at = 0; at < 50; at += 1) conversation.fromClient(ask({ conversation: "none" }));
    await settled();
    expect(end.sent).toHaveLength(50);
    expect([one < 50_000n, world.held.points > 50_000n]).toEqual([true, true]);
  });

  test("for which there is no balance are not asked for, and cost nothing", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    world.balance = world.held.points;
    for (let at = 0; at < 50; at += 1) conversation.fromClient(ask({ conversation: "none" }));
    await settled();
    // What was held for a long prompt pays for these.
    expect(end.sent).toHaveLength(4);
    await world.clock.advance(LAST_ANSWERS_MS + LOOK_MS);
    await conversation.over;
    expect(client.ended).toMatchObject({ code: 1008, reason: "insufficient_points" });
    expect(world.booked[0]?.charged).toBeLessThan(300n);
  });

  test("that are paid for are told before the conversation ends for want of points, and nothing else is asked", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    world.balance = world.held.points;
    for (let at = 0; at < 50; at += 1) conversation.fromClient(ask({ conversation: "none" }));
    await settled();
    for (let at = 0; at < 4; at += 1) {
      expect([client.ended, client.isPaused]).toEqual([undefined, false]);
      conversation.fromClient(ask());
      end.ears.frame(created(`r${at}`));
      end.ears.frame(done(`r${at}`, 100, 10));
    }
    await conversation.over;
    expect(end.sent).toHaveLength(4);
    expect(client.ended).toMatchObject({ code: 1008, reason: "insufficient_points" });
    expect(world.booked).toMatchObject([{ usage: { input: 400, output: 40 }, flags: [] }]);
  });

  test("of which one ends are still paid for when the client hangs up on the others", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    for (const id of ["a", "b", "c"])
      conversation.fromClient(ask({ conversation: "none", metadata: { id } }));
    await settled();
    for (const id of ["a", "b", "c"]) end.ears.frame(created(id));
    for (const id of ["a", "b"]) end.ears.frame(said(id, 400));
    end.ears.frame(done("c", 10, 1));
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked[0]?.usage.output).toBe(201);
    expect(world.booked[0]?.flags).toEqual(["usage_estimated"]);
  });
});

describe("an answer", () => {
  test("that the vendor tells twice is charged once", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    end.ears.frame(created("a"));
    end.ears.frame(done("a", 1_000, 10));
    end.ears.frame(done("a", 1_000, 10));
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked[0]?.usage).toMatchObject({ input: 1_000, output: 10 });
  });

  test("that was asked for and not begun is charged its prompt when the client hangs up", async () => {
    const world = createRealtimeWorld();
    const { conversation } = await world.begun();
    conversation.fromClient(type("x".repeat(4_000)));
    conversation.fromClient(ask());
    await settled();
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked[0]?.usage.input).toBeWithin(1_000, 1_100);
  });

  test.each([
    ["the vendor that goes", ({ end }: Begun) => end.ears.closed(1006, "")],
    ["this node that stops", ({ world }: Begun) => void world.openCharges.stopAll()],
  ])("that the vendor never began costs nothing when it is %s", async (_, finish) => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    conversation.fromClient(type("x".repeat(4_000)));
    conversation.fromClient(ask());
    await settled();
    finish({ world, end });
    await conversation.over;
    expect(world.booked).toMatchObject([{ charged: 0n }]);
  });

  test("that the vendor refused is no longer waited for", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    conversation.fromClient(type("x".repeat(4_000)));
    conversation.fromClient(ask());
    await settled();
    end.ears.frame(frame({ type: "error", error: { code: "invalid_value", message: "no" } }));
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked).toMatchObject([{ charged: 0n }]);
  });

  test("without a usage is charged for what it said and flagged", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    end.ears.frame(created("a"));
    end.ears.frame(said("a", 400));
    end.ears.frame(
      frame({
        type: "response.done",
        response: { id: "a", usage: { input_tokens: -5, output_tokens: 1e300 } },
      }),
    );
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked).toMatchObject([{ usage: { output: 100 }, flags: ["usage_estimated"] }]);
  });

  test("of which more is counted than there can be is charged for what it said", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    end.ears.frame(created("a"));
    end.ears.frame(said("a", 400));
    end.ears.frame(done("a", 5_000_000_000, 10));
    end.ears.frame(created("b"));
    end.ears.frame(said("b", 400));
    end.ears.frame(done("b", 100, 5_000_000_000));
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked[0]?.usage.output).toBe(200);
    expect(world.booked[0]?.flags).toEqual(["usage_estimated"]);
  });

  test("reads what was typed while the one before it was given", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    conversation.fromClient(ask());
    end.ears.frame(created("a"));
    conversation.fromClient(type("x".repeat(40_000)));
    await settled();
    end.ears.frame(done("a", 10, 1));
    conversation.fromClient(ask());
    await settled();
    end.ears.frame(created("b"));
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked[0]?.usage.input).toBeGreaterThan(10_000);
  });

  test("reads all that was said before, though one outside of the conversation came between", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    end.ears.frame(created("a"));
    end.ears.frame(done("a", 20_000, 1, { conversation_id: "conv_1" }));
    end.ears.frame(created("b"));
    end.ears.frame(done("b", 10, 1, { conversation_id: null }));
    end.ears.frame(created("c"));
    await settled();
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked[0]?.usage.input).toBeGreaterThan(40_000);
  });
});

test("answers under way are bounded, whoever begins them", async () => {
  const world = createRealtimeWorld();
  const { conversation, client, end } = await world.begun();
  for (let at = 0; at < 100; at += 1) end.ears.frame(created(`r${at}`));
  await conversation.over;
  expect(client.ended).toMatchObject({ code: 1008, reason: "rate_limit_exceeded" });
});

describe("a client's frame", () => {
  test("goes no further until what it may cost is held", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    world.balance = world.held.points + 10_000n;
    conversation.fromClient(type("x".repeat(200_000)));
    conversation.fromClient(ask());
    await settled();
    await conversation.over;
    expect(end.sent).toEqual([]);
    expect(client.ended).toMatchObject({ code: 1008, reason: "insufficient_points" });
    expect(world.booked).toMatchObject([{ charged: 0n }]);
  });

  test("is no sound because it says the word somewhere", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    const before = world.held.points;
    conversation.fromClient(
      frame({ ...JSON.parse(type("x".repeat(200_000))), event_id: "input_audio_buffer.append" }),
    );
    await settled();
    expect(end.sent).toHaveLength(1);
    expect(world.held.points - before).toBeGreaterThan(90_000n);
  });

  test("that has one item read over and over is held for as often", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    conversation.fromClient(type("x".repeat(4_000)));
    await settled();
    const before = world.held.points;
    const input = Array.from({ length: 100 }, () => ({ type: "item_reference", id: "item_1" }));
    conversation.fromClient(ask({ conversation: "none", input }));
    await settled();
    expect(end.sent).toHaveLength(2);
    expect(world.held.points - before).toBeGreaterThan(100_000n);
  });

  test("waits with those behind it, in their order, and its client is read no more meanwhile", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    world.isSlow = true;
    const frames = [type("x".repeat(100_000)), ask(), hear(10)];
    for (const each of frames) conversation.fromClient(each);
    expect([client.isPaused, end.sent.length]).toEqual([true, 0]);
    world.answerHolds();
    await settled();
    expect(end.sent).toEqual(frames);
    expect(client.isPaused).toBe(false);
  });

  test.each([
    [
      "session.tools",
      { type: "session.update", session: { tools: [{ type: "mcp", server_url: "https://x" }] } },
    ],
    ["response.tools", { type: "response.create", response: { tools: [{ type: "mcp" }] } }],
    ["session.prompt", { type: "session.update", session: { prompt: { id: "pmpt_1" } } }],
    ["response.prompt", { type: "response.create", response: { prompt: { id: "pmpt_1" } } }],
  ])("with %s that is not the client's own is not sent, and it is told so", async (param, event) => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    conversation.fromClient(frame(event));
    conversation.fromClient(
      frame({ type: "session.update", session: { tools: [{ type: "function", name: "f" }] } }),
    );
    await settled();
    expect(client.told).toMatchObject([{ code: "unsupported_parameter", detail: { param } }]);
    expect([end.sent.length, client.ended]).toEqual([1, undefined]);
  });

  test("that waits is bounded", async () => {
    const world = createRealtimeWorld();
    const { conversation, client } = await world.begun();
    world.isSlow = true;
    for (let at = 0; at < 4; at += 1) conversation.fromClient(type("x".repeat(MOST_UNSENT_BYTES / 2)));
    await conversation.over;
    expect(client.ended?.code).toBe(1013);
    world.answerHolds();
    await settled();
    expect(world.held).toEqual({ holds: 0, tickets: 0, points: 0n });
  });
});

describe("sound", () => {
  test("that is said in another form than it is heard is counted by its own", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    const audio = { input: { format: { type: "audio/pcm" } }, output: { format: { type: "audio/pcmu" } } };
    end.ears.frame(frame({ type: "session.updated", session: { audio } }));
    end.ears.frame(created("a"));
    end.ears.frame(
      frame({ type: "response.output_audio.delta", response_id: "a", delta: "A".repeat(106_670) }),
    );
    conversation.clientClosed(1000);
    await conversation.over;
    // Ten seconds of a telephone's.
    expect(world.booked[0]?.usage.audioOutput).toBeWithin(200, 210);
  });

  test("of which a transcript tells no usage is charged by what was heard", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    conversation.fromClient(hear(640_000));
    await settled();
    const kind = "conversation.item.input_audio_transcription.completed";
    end.ears.frame(frame({ type: kind, item_id: "i", transcript: "x".repeat(400) }));
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked).toMatchObject([
      { usage: { audioInput: 100, output: 100 }, flags: ["usage_estimated"] },
    ]);
  });

  test("whose transcript is left before its end is charged all the same", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    conversation.fromClient(hear(640_000));
    await settled();
    const kind = "conversation.item.input_audio_transcription.delta";
    end.ears.frame(frame({ type: kind, item_id: "i", delta: "x".repeat(400) }));
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked[0]?.usage).toMatchObject({ audioInput: 100, output: 100 });
  });
});

describe("a vendor", () => {
  test("that goes on as another model is left: nobody knows its price", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun({ model: "m-2026" });
    end.ears.frame(frame({ type: "session.updated", session: { model: "m-2026" } }));
    expect(end.closedWith).toBeUndefined();
    end.ears.frame(frame({ type: "session.updated", session: { model: "dearest" } }));
    await conversation.over;
    expect([end.closedWith, client.ended?.code]).toEqual([1000, 1008]);
  });

  test.each([
    ["an error without words", { type: "error", error: { code: "vendor-secret-0123456789" } }],
    [
      "an answer that failed",
      {
        type: "response.done",
        response: { id: "a", status_details: { error: { message: "vendor-secret-0123456789" } } },
      },
    ],
    ["a frame of any kind", { type: "rate_limits.updated", key: "vendor-secret-0123456789" }],
  ])("shows its key in %s to nobody", async (_, event) => {
    const world = createRealtimeWorld();
    const { client, end } = await world.begun();
    end.ears.frame(frame(event));
    expect(client.heard).toHaveLength(2);
    expect(client.heard[1]).not.toContain("vendor-secret");
  });
});

test.each(["ip_not_allowed", "permission_denied"] as const)(
  "a conversation whose key is no longer let in (%s) ends",
  async (code) => {
    const world = createRealtimeWorld();
    const { conversation, client } = await world.begun();
    world.keyIsRefused = code;
    await world.clock.advance(LOOK_MS);
    await conversation.over;
    expect(client.ended).toMatchObject({ code: 1008, error: { code } });
  },
);

test("conversations that are being opened count among those that a node holds", async () => {
  const world = createRealtimeWorld();
  const opening = Array.from({ length: 2_001 }, () => world.open().catch((error: unknown) => error));
  await settled();
  expect(await opening[2_000]).toMatchObject({ code: "overloaded" });
});
