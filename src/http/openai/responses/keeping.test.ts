import { afterEach, beforeEach, expect, test } from "bun:test";
import { tenantId } from "../../../core/ids.ts";
import { silentLog } from "../../../core/log.ts";
import { ManualClock } from "../../../core/manual-clock.ts";
import { type KeptResponse, MOST_RESPONSE_BYTES, type ResponseLedger } from "../../../ledger/responses.ts";
import { createKeeping, type Keeping, type KeptTurn } from "./keeping.ts";
import { parseResponses } from "./request.ts";

const tenant = tenantId("t");
const request = parseResponses({ model: "m", input: "x", previous_response_id: "resp_0" });
let clock: ManualClock;
let kept: KeptResponse[];
let forgotten: number;
let answer: () => Promise<boolean>;
let keeping: Keeping;

beforeEach(() => {
  clock = new ManualClock();
  kept = [];
  forgotten = 0;
  answer = async () => true;
  const never = () => Promise.reject(new Error("is not called"));
  const ledger: ResponseLedger = {
    find: never,
    responsesOf: never,
    conversation: never,
    delete: never,
    keep(_, response) {
      kept.push(response);
      return answer();
    },
    async forgetExpired() {
      forgotten += 1;
      throw new Error("the ledger is away");
    },
  };
  keeping = createKeeping({ ledger, clock, log: silentLog });
});
afterEach(() => keeping.close());

test("a turn is kept with what it was asked and what it goes on from", async () => {
  expect(await keeping.keep(tenant, request, { id: "resp_1", output: [] })).toBe(true);
  expect(kept[0]).toMatchObject({ id: "resp_1", previous: "resp_0" });
  const turn = JSON.parse(kept[0]?.content ?? "") as KeptTurn;
  expect(turn).toMatchObject({ input: [{ role: "user" }], response: { id: "resp_1" } });
});

test("what the ledger refuses, or cannot take, is not kept, and nothing is thrown", async () => {
  answer = async () => false;
  expect(await keeping.keep(tenant, request, { id: "resp_1" })).toBe(false);
  answer = () => Promise.reject(new Error("the ledger is away"));
  expect(await keeping.keep(tenant, request, { id: "resp_2" })).toBe(false);
});

test("an answer does not wait for a ledger that is slow", async () => {
  answer = () => new Promise(() => {});
  const keep = keeping.keep(tenant, request, { id: "resp_1" });
  await clock.advance(2_000);
  expect(await keep).toBe(false);
});

test("a turn that is too large is not even sent", async () => {
  const output = "x".repeat(MOST_RESPONSE_BYTES);
  expect(await keeping.keep(tenant, request, { id: "resp_1", output })).toBe(false);
  expect(kept).toEqual([]);
});

test("old ones are forgotten by the minute, also after a minute in which it failed, until it is closed", async () => {
  await clock.advance(60_000);
  await clock.advance(60_000);
  expect(forgotten).toBe(2);
  keeping.close();
  await clock.advance(60_000);
  expect(forgotten).toBe(2);
});
