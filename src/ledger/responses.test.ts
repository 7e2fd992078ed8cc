import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { tenantId } from "../core/ids.ts";
import { ZERO } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import {
  createResponseLedger,
  MOST_CONVERSATION_BYTES,
  MOST_RESPONSE_BYTES,
  MOST_TURNS,
  type ResponseLedger,
} from "./responses.ts";
import { createSeal } from "./sealed.ts";
import { createTenants } from "./tenants.ts";
import { type SmallLedger, smallLedger, tenant } from "./testing/small-ledger.ts";

const other = tenantId("other");
const seal = createSeal(new Uint8Array(32).fill(7), seededRandom(1));
let ledger: SmallLedger;
let responses: ResponseLedger;
beforeEach(async () => {
  ledger = await smallLedger();
  await createTenants(ledger.sql).create({ id: other, name: "Other", tier: "normal", overdraft: ZERO });
  responses = createResponseLedger(ledger.sql, seal);
});
afterEach(() => ledger.drop());

const keep = (id: string, previous?: string, content = `content of ${id}`) =>
  responses.keep(tenant, { id, previous, content });

const roomOf = async (): Promise<bigint> => {
  const [row] = await ledger.sql<{ bytes: bigint }[]>`
    select bytes::text::bigint as bytes from response_room where tenant = ${tenant}`;
  return BigInt(row?.bytes ?? -1);
};
const sizes = async (): Promise<bigint> => {
  const [row] = await ledger.sql<{ bytes: bigint }[]>`
    select coalesce(sum(octet_length(content)), 0)::bigint as bytes from response where tenant = ${tenant}`;
  return BigInt(row?.bytes ?? -1);
};

describe("a response", () => {
  test("is found by its tenant alone, and nobody can read it in the database", async () => {
    expect(await keep("r1", undefined, "the answer é")).toBe(true);
    expect(await responses.find(tenant, "r1")).toBe("the answer é");
    expect(await responses.find(other, "r1")).toBeUndefined();
    expect(await responses.conversation(other, "r1")).toEqual({ kind: "missing" });
    const [row] = await ledger.sql<{ content: Uint8Array }[]>`select content from response`;
    expect(Buffer.from(row?.content ?? []).toString("latin1")).not.toContain("answer");
  });

  test("that was moved to another tenant or name in the database does not open", async () => {
    await keep("r1");
    await ledger.sql`update response set tenant = ${other}`;
    await expect(responses.find(other, "r1")).rejects.toThrow();
    await ledger.sql`update response set tenant = ${tenant}, id = 'r2'`;
    await expect(responses.find(tenant, "r2")).rejects.toThrow();
  });

  test("is gone when it was deleted, once, or is too old", async () => {
    await keep("r1");
    await keep("r2");
    expect(await responses.delete(other, "r1")).toBe(false);
    expect(await responses.delete(tenant, "r1")).toBe(true);
    expect(await responses.delete(tenant, "r1")).toBe(false);
    await ledger.sql`update response set expires_at = now() - interval '1 second'`;
    expect(await responses.find(tenant, "r2")).toBeUndefined();
    expect(await responses.forgetExpired(10)).toBe(1);
    expect(await responses.forgetExpired(10)).toBe(0);
  });

  test("larger than is kept is not kept", async () => {
    expect(await keep("r1", undefined, "x".repeat(MOST_RESPONSE_BYTES + 1))).toBe(false);
    expect(await responses.find(tenant, "r1")).toBeUndefined();
  });
});

describe("a conversation", () => {
  test("is all that a response goes on from, the first turn first", async () => {
    await keep("a");
    await keep("b", "a");
    await keep("c", "b");
    await keep("fork", "a");
    expect(await responses.conversation(tenant, "c")).toEqual({
      kind: "found",
      turns: ["content of a", "content of b", "content of c"],
    });
    expect(await responses.conversation(tenant, "fork")).toMatchObject({
      turns: ["content of a", "content of fork"],
    });
  });

  test("of which a turn was deleted or is too old cannot be gone on from", async () => {
    await keep("a");
    await keep("b", "a");
    await keep("c", "b");
    await responses.delete(tenant, "a");
    expect(await responses.conversation(tenant, "c")).toEqual({ kind: "missing" });
    await ledger.sql`update response set expires_at = now() - interval '1 second' where id = 'b'`;
    expect(await responses.conversation(tenant, "b")).toEqual({ kind: "missing" });
  });

  test("keeps its first turns for as long as its last", async () => {
    await keep("a");
    await ledger.sql`update response set expires_at = now() + interval '1 minute'`;
    await keep("b", "a");
    const [row] = await ledger.sql<{ ok: boolean }[]>`
      select (select expires_at from response where id = 'a')
        >= (select expires_at from response where id = 'b') as ok`;
    expect(row?.ok).toBe(true);
  });

  test("does not go on from what went away while it was answered", async () => {
    expect(await keep("b", "a")).toBe(false);
    expect(await responses.find(tenant, "b")).toBeUndefined();
  });

  test("that is longer than is read is refused before it is read", async () => {
    await keep("a");
    await ledger.sql`update response set turns = ${MOST_TURNS}`;
    expect(await responses.conversation(tenant, "a")).toEqual({ kind: "too long" });
    await ledger.sql`update response set turns = 1, chain_bytes = ${MOST_CONVERSATION_BYTES + 1}`;
    expect(await responses.conversation(tenant, "a")).toEqual({ kind: "too long" });
  });
});

describe("a tenant's room", () => {
  test("is counted exactly through keeping, deleting and forgetting", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => keep(`r${n}`)));
    await responses.delete(tenant, "r3");
    await ledger.sql`update response set expires_at = now() - interval '1 second' where id in ('r4', 'r5')`;
    await responses.forgetExpired(1);
    expect(await roomOf()).toBe(await sizes());
    await ledger.sql`delete from response`;
    expect(await roomOf()).toBe(0n);
  });

  test("is made by the oldest responses of the same tenant", async () => {
    const small = createResponseLedger(ledger.sql, seal, 1_000);
    await responses.keep(other, { id: "theirs", previous: undefined, content: "x".repeat(900) });
    for (let n = 0; n < 20; n += 1) {
      await small.keep(tenant, { id: `r${n}`, previous: undefined, content: "x".repeat(200) });
      await ledger.sql`update response set expires_at = expires_at - interval '1 hour' where tenant = ${tenant}`;
    }
    expect(await roomOf()).toBeLessThanOrEqual(1_000n);
    expect(await roomOf()).toBe(await sizes());
    const left = await ledger.sql<{ id: string }[]>`
      select id from response where tenant = ${tenant} order by expires_at`;
    expect(left.map(({ id }) => id)).toEqual(["r16", "r17", "r18", "r19"]);
    expect(await responses.find(other, "theirs")).toBeDefined();
  });
});

test("the response of an item is known by the item's name, to its tenant, and for as long as it is kept", async () => {
  const items = ["msg_1", "fc_1", "msg_1"];
  expect(await responses.keep(tenant, { id: "resp_a", previous: undefined, content: "a", items })).toBe(true);
  expect(await responses.keep(other, { id: "resp_b", previous: undefined, content: "b", items })).toBe(true);
  const known = await responses.responsesOf(tenant, ["msg_1", "fc_1", "rs_1"]);
  expect(Object.fromEntries(known)).toEqual({ msg_1: "resp_a", fc_1: "resp_a" });
  // The same name once more: the later response is meant.
  await responses.keep(tenant, { id: "resp_c", previous: undefined, content: "c", items: ["msg_1"] });
  expect((await responses.responsesOf(tenant, ["msg_1"])).get("msg_1")).toBe("resp_c");
  await responses.delete(tenant, "resp_c");
  await responses.delete(tenant, "resp_a");
  expect((await responses.responsesOf(tenant, items)).size).toBe(0);
  expect((await responses.responsesOf(other, items)).get("fc_1")).toBe("resp_b");
});

test("the items of a response that is not kept have no names", async () => {
  const items = ["msg_1"];
  expect(await responses.keep(tenant, { id: "resp_a", previous: "resp_none", content: "a", items })).toBe(
    false,
  );
  expect((await responses.responsesOf(tenant, items)).size).toBe(0);
});
