import { describe, expect, test } from "bun:test";
import { SCAN_MS } from "../deadlines.ts";
import { createRealtimeWorld, frame, settled } from "../testing/realtime-world.ts";
import {
  CONVERSATION_IDLE_MS,
  LOOK_MS,
  MOST_CONVERSATION_MS,
  MOST_UNSENT_BYTES,
  PAUSE_BYTES,
} from "./limits.ts";

const done = (input: number, output: number) =>
  frame({ type: "response.done", response: { usage: { input_tokens: input, output_tokens: output } } });
const SPEECH = frame({ type: "response.output_text.delta", delta: "four" });

type World = ReturnType<typeof createRealtimeWorld>;

/** Nothing of it is left behind. */
function expectNothingHeld({ held, openCharges, booked, realtime }: World): void {
  expect(held).toEqual({ holds: 0, tickets: 0, points: 0n });
  expect([openCharges.count, booked.length, realtime.count]).toEqual([0, 1, 0]);
}

describe("the end of a conversation", () => {
  test("comes when nobody has said a word for ten minutes", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    await world.clock.advance(CONVERSATION_IDLE_MS - LOOK_MS);
    conversation.fromClient("{}");
    await world.clock.advance(CONVERSATION_IDLE_MS - LOOK_MS);
    await settled();
    expect(client.ended).toBeUndefined();
    await world.clock.advance(2 * LOOK_MS);
    await conversation.over;
    expect(client.ended).toMatchObject({ code: 1001, error: { code: "stream_truncated" } });
    expect(end.closedWith).toBe(1000);
    expectNothingHeld(world);
  });

  test("comes after an hour, however much is said", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    for (let ms = 0; ms < MOST_CONVERSATION_MS + LOOK_MS; ms += CONVERSATION_IDLE_MS / 2) {
      end.ears.frame(SPEECH);
      await world.clock.advance(CONVERSATION_IDLE_MS / 2);
    }
    await conversation.over;
    expect(client.ended?.error?.message).toContain("60 minutes");
    expectNothingHeld(world);
  });

  test("comes when its key is revoked", async () => {
    const world = createRealtimeWorld();
    const { conversation, client } = await world.begun();
    world.isKeyGood = false;
    await world.clock.advance(LOOK_MS);
    await conversation.over;
    expect(client.ended).toMatchObject({ code: 1008, error: { code: "invalid_api_key" } });
    expectNothingHeld(world);
  });

  test("is told once, though both ends close", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    end.ears.closed(4321, "as told");
    conversation.clientClosed(1000);
    end.ears.closed(1006, "");
    await conversation.over;
    expect(client.ended).toEqual({ code: 4321, reason: "as told" });
    expectNothingHeld(world);
  });

  test("before the client's end stands is told to it when it does", async () => {
    const world = createRealtimeWorld();
    const opening = world.open();
    await settled();
    const [end] = world.ends;
    end?.ears.frame(frame({ type: "session.created" }));
    const conversation = await opening;
    world.openCharges.stopAll();
    await conversation.over;
    const told: unknown[] = [];
    conversation.attach({
      send: () => true,
      tell() {},
      unsentBytes: 0,
      pause() {},
      resume() {},
      end: (ending) => told.push(ending),
    });
    expect(told).toMatchObject([{ code: 1012 }]);
    expectNothingHeld(world);
  });
});

describe("money", () => {
  test("is noted with each answer, and the hold grows so that it pays for the next", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    const before = world.held.points;
    end.ears.frame(done(10_000, 50));
    await settled();
    expect(world.noted.at(-1)).toMatchObject({ cost: 10_500n, usage: { input: 10_000, output: 50 } });
    expect(world.held.points).toBeGreaterThan(before + 10_000n);
    conversation.clientClosed(1000);
    await conversation.over;
    expect(world.booked).toMatchObject([
      { charged: 10_500n, outcome: "completed", flags: [], operation: "realtime" },
    ]);
    expectNothingHeld(world);
  });

  test("that is out ends it, charged for what was told", async () => {
    const world = createRealtimeWorld();
    world.balance = 12_000n;
    const { conversation, client, end } = await world.begun();
    end.ears.frame(done(10_000, 50));
    await conversation.over;
    expect(client.heard.at(-1)).toContain("response.done");
    expect(client.ended).toMatchObject({ code: 1008, reason: "insufficient_points" });
    expect(world.booked).toMatchObject([
      { charged: 10_500n, outcome: "truncated", errorCode: "insufficient_points" },
    ]);
    expectNothingHeld(world);
  });

  test("for what was under way is estimated and flagged when the client is lost", async () => {
    const world = createRealtimeWorld();
    const { conversation, end } = await world.begun();
    end.ears.frame(frame({ type: "response.created" }));
    end.ears.frame(SPEECH);
    conversation.clientClosed(1006);
    await conversation.over;
    expect(world.booked).toMatchObject([{ charged: 10n, outcome: "cancelled", flags: ["usage_estimated"] }]);
    expectNothingHeld(world);
  });
});

describe("flow", () => {
  test("a slow client holds its vendor back until it has read", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    client.unsentBytes = PAUSE_BYTES + 1;
    end.ears.frame(SPEECH);
    expect(end.isPaused).toBe(true);
    conversation.clientDrained();
    expect(end.isPaused).toBe(true);
    client.unsentBytes = 0;
    conversation.clientDrained();
    expect(end.isPaused).toBe(false);
  });

  test.each([
    ["holds too much", { unsentBytes: MOST_UNSENT_BYTES + 1 }],
    ["lost a frame", { isFull: true }],
  ])("a client that %s is too slow", async (_, state) => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    Object.assign(client, state);
    end.ears.frame(SPEECH);
    await conversation.over;
    expect(client.ended?.code).toBe(1013);
    expectNothingHeld(world);
  });

  test("one large frame to a vendor is none too many, and what comes behind it is", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    end.send = function (this: typeof end, text: string) {
      this.sent.push(text);
      this.unsentBytes += text.length;
    };
    conversation.fromClient("x".repeat(MOST_UNSENT_BYTES + 1));
    await settled();
    expect([client.isPaused, client.ended]).toEqual([true, undefined]);
    conversation.fromClient("{}");
    await settled();
    await conversation.over;
    expect(client.ended?.code).toBe(1011);
  });

  test("a slow vendor holds its client back, and is asked until it has sent", async () => {
    const world = createRealtimeWorld();
    const { conversation, client, end } = await world.begun();
    end.unsentBytes = PAUSE_BYTES + 1;
    conversation.fromClient("{}");
    await world.clock.advance(1_000);
    expect(client.isPaused).toBe(true);
    end.unsentBytes = 0;
    await world.clock.advance(1_000);
    expect(client.isPaused).toBe(false);
  });
});

describe("opening", () => {
  test("goes from a vendor that refuses to the next, and leaves nothing of the first open", async () => {
    const world = createRealtimeWorld();
    const opening = world.open();
    await settled();
    const [first] = world.ends;
    const error = { type: "invalid_request_error", code: "invalid_api_key", message: "no" };
    first?.ears.frame(frame({ type: "error", error }));
    await settled();
    expect([world.ends.length, first?.closedWith]).toEqual([2, 1006]);
    world.ends[1]?.ears.frame(frame({ type: "session.created" }));
    const conversation = await opening;
    expect(conversation.started).toMatchObject({ vendor: "w", attempts: 2 });
  });

  test("that no vendor answers is given up by the clock, and gives everything back", async () => {
    const world = createRealtimeWorld();
    const opening = world.open();
    opening.catch(() => {});
    await settled();
    await world.clock.advance(11_000);
    await settled();
    await world.clock.advance(11_000);
    await expect(opening).rejects.toMatchObject({ code: "vendor_timeout" });
    expect(world.ends.map(({ closedWith }) => closedWith)).toEqual([1006, 1006]);
    await settled();
    expectNothingHeld(world);
  });

  test("whose client leaves meanwhile is over", async () => {
    const world = createRealtimeWorld();
    const leaving = new AbortController();
    const opening = world.open(leaving.signal);
    opening.catch(() => {});
    await settled();
    leaving.abort();
    await world.clock.advance(SCAN_MS);
    await expect(opening).rejects.toMatchObject({ code: "request_cancelled" });
    expect(world.ends[0]?.closedWith).toBe(1006);
    await settled();
    expectNothingHeld(world);
  });

  test("is refused when the node stops", async () => {
    const world = createRealtimeWorld();
    world.realtime.close();
    await expect(world.open()).rejects.toMatchObject({ code: "overloaded" });
    expect(world.ends).toHaveLength(0);
  });
});
