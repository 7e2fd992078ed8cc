import { describe, expect, test } from "bun:test";
import { nodeId } from "../core/ids.ts";
import { type SliceAsk, type SliceReply, Slices } from "./slices.ts";

const now = Date.UTC(2026, 5, 15, 12);
const start = Date.UTC(2026, 5, 15);
let sequence = 0;

const asking = (node: string, more: Partial<SliceAsk> = {}): SliceAsk => {
  sequence += 1;
  return {
    node: nodeId(node),
    sequence,
    whole: 1_000n,
    period: "day",
    periodStart: start,
    left: 0n,
    used: 0n,
    need: 0n,
    atLeast: more.need ?? 0n,
    want: 0n,
    ...more,
  };
};

function granted(slices: Slices, ask: SliceAsk): SliceReply {
  const reply = slices.ask(ask, now);
  if (typeof reply === "string") throw new Error(reply);
  return reply;
}

describe("slices of a budget", () => {
  test("give what is needed now, and ahead of it at most a fair part of what is left", () => {
    const slices = new Slices("day", now, 0n);
    expect(granted(slices, asking("a", { need: 10n, want: 5_000n }))).toMatchObject({ granted: 500n });
    expect(granted(slices, asking("b", { need: 10n, want: 5_000n }))).toMatchObject({ granted: 250n });
    expect(granted(slices, asking("c", { need: 240n, want: 5_000n }))).toMatchObject({ granted: 240n });
    expect(slices.out).toBe(990n);
  });

  test("deny with what is left, and give less where less helps", () => {
    const slices = new Slices("day", now, 900n);
    expect(granted(slices, asking("a", { need: 101n }))).toMatchObject({ granted: 0n, affordable: 100n });
    expect(granted(slices, asking("a", { need: 101n, atLeast: 1n }))).toMatchObject({
      granted: 100n,
      affordable: 0n,
    });
  });

  test("count what was granted and not yet told of", () => {
    const slices = new Slices("day", now, 0n);
    granted(slices, asking("a", { need: 600n }));
    expect(granted(slices, asking("b", { need: 401n }))).toMatchObject({ granted: 0n, affordable: 400n });
    granted(slices, asking("a", { left: 100n, used: 500n }));
    expect(slices.used).toBe(500n);
    expect(granted(slices, asking("b", { need: 400n }))).toMatchObject({ granted: 400n });
  });

  test("ignore a message that was overtaken", () => {
    const slices = new Slices("day", now, 0n);
    const late = asking("a", { left: 0n });
    granted(slices, asking("a", { need: 600n }));
    expect(slices.ask(late, now)).toBe("stale");
    expect(slices.out).toBe(600n);
  });

  test("notice a node that forgot what it had, and count anew from the ledger", () => {
    const slices = new Slices("day", now, 0n);
    granted(slices, asking("a", { need: 600n }));
    granted(slices, asking("b", { need: 100n }));
    const again = asking("a", { periodStart: -1, need: 10n });
    expect(slices.ask(again, now)).toBe("forgot");
    slices.recount(30n, nodeId("a"));
    expect(granted(slices, again)).toMatchObject({ granted: 10n });
    expect(slices.used + slices.out).toBe(140n);
    const less = asking("b", { used: 40n, left: 60n });
    granted(slices, less);
    expect(slices.ask(asking("b", { used: 39n }), now)).toBe("forgot");
  });

  test("believe nodes where the ledger was behind", () => {
    const slices = new Slices("day", now, 50n);
    granted(slices, asking("a", { used: 80n, left: 20n }));
    expect(slices.used).toBe(80n);
    granted(slices, asking("a", { used: 90n, left: 10n }));
    expect(slices.used).toBe(90n);
  });

  test("end with their period", () => {
    const slices = new Slices("day", now, 0n);
    expect(slices.isOver(now)).toBe(false);
    expect(slices.isOver(Date.UTC(2026, 5, 16))).toBe(true);
    expect(granted(slices, asking("a", { need: 1n })).periodEndsInMs).toBe(12 * 3_600_000);
    // What a node tells of another period is about nothing here.
    granted(slices, asking("b", { periodStart: start - 86_400_000, used: 900n, left: 900n }));
    expect(slices.used + slices.out).toBe(1n);
  });
});
