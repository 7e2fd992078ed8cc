import { describe, expect, test } from "bun:test";
import { nodeId } from "../core/ids.ts";
import { fairShares } from "./fair-shares.ts";
import { LEASE_MS } from "./limits.ts";
import { NO_PART, type Part, type ShareAsk, type ShareReply, Shares } from "./shares.ts";

const whole: Part = { qps: 90, burst: 30, slots: 9 };
let sequence = 0;

const asking = (node: string, more: Partial<ShareAsk> = {}): ShareAsk => {
  sequence += 1;
  return {
    node: nodeId(node),
    sequence,
    whole,
    holding: NO_PART,
    returned: 0,
    demand: { qps: 1_000, slots: 100 },
    need: 0,
    ...more,
  };
};

function answered(shares: Shares, ask: ShareAsk, now = 0): ShareReply {
  const reply = shares.ask(ask, now);
  if (reply === undefined) throw new Error("was taken for an old message");
  return reply;
}

describe("shares of a limit", () => {
  test("one node gets the whole with all its tokens", () => {
    const shares = new Shares(whole, 0, 0);
    expect(answered(shares, asking("a"))).toMatchObject({ part: whole, tokens: 30, isShort: false });
  });

  test("a second gets nothing until the first has said that it let go", () => {
    const shares = new Shares(whole, 0, 0);
    answered(shares, asking("a"));
    expect(answered(shares, asking("b"))).toMatchObject({ part: NO_PART, tokens: 0, isShort: true });
    const less = answered(shares, asking("a", { holding: whole }));
    expect(less).toMatchObject({ part: { qps: 45, burst: 15, slots: 5 }, confirm: true });
    expect(answered(shares, asking("b"))).toMatchObject({ part: NO_PART });
    answered(shares, asking("a", { holding: less.part, returned: 12 }));
    expect(answered(shares, asking("b"))).toMatchObject({
      part: { qps: 45, burst: 15, slots: 4 },
      tokens: 12,
    });
  });

  test("the part of a node that is silent is free when its term is over, without its tokens", () => {
    const shares = new Shares(whole, 0, 0);
    answered(shares, asking("a"));
    expect(answered(shares, asking("b"), LEASE_MS - 1).part).toEqual(NO_PART);
    expect(answered(shares, asking("b"), LEASE_MS)).toMatchObject({ part: whole, tokens: 0 });
  });

  test("tokens that came back are given to the next, not made anew", () => {
    const shares = new Shares(whole, 0, 0);
    answered(shares, asking("a"));
    const gone = asking("a", { returned: 7, demand: { qps: 0, slots: 0 } });
    expect(answered(shares, gone).part).toEqual(NO_PART);
    expect(answered(shares, asking("b")).tokens).toBe(7);
  });

  test("a message that was overtaken is ignored", () => {
    const shares = new Shares(whole, 0, 0);
    const late = asking("a");
    answered(shares, asking("a"));
    expect(shares.ask(late, 0)).toBeUndefined();
    expect(shares.held).toEqual(whole);
  });

  test("a new owner that may have had a predecessor lets holders keep what they have, and gives nothing new", () => {
    const shares = new Shares(whole, 0, 5_000);
    const part: Part = { qps: 30, burst: 10, slots: 3 };
    expect(answered(shares, asking("a", { holding: part }), 1_000)).toMatchObject({ part, tokens: 0 });
    expect(answered(shares, asking("b"), 1_000)).toMatchObject({ part: NO_PART, isShort: true });
    expect(answered(shares, asking("b"), 5_000).part.qps).toBe(45);
  });

  test("slots in use stay counted although the node's part is smaller", () => {
    const shares = new Shares(whole, 0, 0);
    answered(shares, asking("a"));
    answered(shares, asking("b"));
    const busy = answered(shares, asking("a", { holding: { ...whole, slots: 9 } }));
    answered(shares, asking("a", { holding: { ...busy.part, slots: 8 } }));
    expect(answered(shares, asking("b")).part.slots).toBe(1);
  });

  test("a limit too small to be split is handed out token by token", () => {
    const small: Part = { qps: 1, burst: 2, slots: 0 };
    const shares = new Shares(small, 0, 0);
    const demand = { qps: 9, slots: 0 };
    answered(shares, asking("a", { whole: small, demand }));
    answered(shares, asking("b", { whole: small, demand }));
    answered(shares, asking("c", { whole: small, demand }));
    // The first had it all, and lets go.
    expect(answered(shares, asking("a", { whole: small, demand, holding: small })).part).toEqual(NO_PART);
    answered(shares, asking("a", { whole: small, demand, returned: 2 }));
    const need = (node: string, now: number) =>
      answered(shares, asking(node, { whole: small, demand, need: 1 }), now).spot;
    expect([need("a", 0), need("b", 0), need("c", 0)]).toEqual([1, 1, 0]);
    expect([need("c", 1_000), need("a", 1_000)]).toEqual([1, 0]);
  });

  test("a lowered limit gives nobody more, and what is too much is asked back", () => {
    const shares = new Shares(whole, 0, 0);
    answered(shares, asking("a"));
    const lower: Part = { qps: 10, burst: 5, slots: 1 };
    const reply = answered(shares, asking("a", { whole: lower, holding: whole }));
    expect(reply).toMatchObject({ part: lower, confirm: true });
  });

  test("is forgotten only when it is full and nobody holds a part", () => {
    const shares = new Shares(whole, 0, 0);
    answered(shares, asking("a"));
    expect(shares.isFull(1)).toBe(false);
    expect(shares.isFull(LEASE_MS)).toBe(false);
    expect(shares.isFull(LEASE_MS + 334)).toBe(true);
  });
});

describe("fair shares", () => {
  test.each([
    [90, [100, 100, 100], [30, 30, 30]],
    [90, [10, 100, 100], [10, 40, 40]],
    [90, [10, 20], [40, 50]],
    [90, [0, 0, 0], [30, 30, 30]],
    [90, [5], [90]],
    [0, [5, 5], [0, 0]],
  ])("of %p with demands %p are %p", (amount, demands, expected) => {
    expect(fairShares(amount, demands)).toEqual(expected);
  });
});
