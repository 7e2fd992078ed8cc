import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import { tenantId } from "../../../core/ids.ts";
import type { Conversation, ResponseLedger } from "../../../ledger/responses.ts";
import { chatOf } from "./conversation.ts";
import { withReferences } from "./references.ts";
import { parseResponses } from "./request.ts";

const tenant = tenantId("t");

/** A ledger that has these turns, whoever asks. */
function ledgerOf(conversation: Conversation, kept: Readonly<Record<string, string>> = {}): ResponseLedger {
  const never = () => Promise.reject(new Error("is not called"));
  return {
    keep: never,
    delete: never,
    forgetExpired: never,
    find: async (_, id) => kept[id],
    responsesOf: async () => new Map(),
    conversation: async () => conversation,
  };
}

const message = (role: string, text: string): JsonObject => ({ type: "message", role, content: text });
const turn = (asked: string, answered: string, status = "completed"): string =>
  JSON.stringify({
    input: [message("user", asked)],
    response: { status, output: [{ ...message("assistant", answered), id: "msg_abc_0" }] },
  });

const request = (more: object = {}) =>
  parseResponses({ model: "m", input: "three", previous_response_id: "resp_abc", ...more });

async function refusal(running: Promise<unknown>): Promise<SluiceError> {
  const thrown = await running.catch((error: unknown) => error);
  if (thrown instanceof SluiceError) return thrown;
  throw new Error("was not refused");
}

describe("a conversation that goes on", () => {
  test("is told from its first turn, with this request's instructions only", async () => {
    const ledger = ledgerOf({ kind: "found", turns: [turn("one", "1"), turn("two", "2")] });
    const chat = await chatOf(ledger, tenant, request({ instructions: "Count." }), 10);
    expect(chat.body.messages).toEqual([
      { role: "system", content: "Count." },
      { role: "user", content: "one" },
      { role: "assistant", content: "1" },
      { role: "user", content: "two" },
      { role: "assistant", content: "2" },
      { role: "user", content: "three" },
    ]);
  });

  test("has no more of a vendor's answer than what can be items", async () => {
    const output = [null, 5, "a", [], { ...message("assistant", "1"), id: "msg_a" }];
    const odd = JSON.stringify({ input: [message("user", "one")], response: { output } });
    const ledger = ledgerOf({ kind: "found", turns: [odd] }, { resp_a: odd });
    const chat = await chatOf(ledger, tenant, request(), 10);
    expect(chat.body.messages).toHaveLength(3);
    const named = { ...ledger, responsesOf: async () => new Map([["msg_a", "resp_a"]]) };
    const found = await withReferences(named, tenant, [{ type: "item_reference", id: "msg_a" }]);
    expect(found).toEqual([output[4] as JsonObject]);
  });

  test("is held for by its whole length, not by that of the request", async () => {
    const long = "x".repeat(100_000);
    const ledger = ledgerOf({ kind: "found", turns: [turn(long, "1")] });
    const alone = await chatOf(ledger, tenant, request({ previous_response_id: null }), 60);
    const whole = await chatOf(ledger, tenant, request(), 60);
    expect(whole.promptTokens - alone.promptTokens).toBeGreaterThan(40_000);
  });

  test.each([
    [{ kind: "missing" }, "previous_response_not_found"],
    [{ kind: "too long" }, "invalid_request"],
    [{ kind: "found", turns: [turn("one", "1", "failed")] }, "invalid_request"],
  ] as const)("is refused when it is %j", async (conversation, code) => {
    const error = await refusal(chatOf(ledgerOf(conversation), tenant, request(), 10));
    expect([error.code, error.status, error.detail.param]).toEqual([code, 400, "previous_response_id"]);
  });
});

describe("references", () => {
  const ledger = ledgerOf({ kind: "missing" }, { resp_abc: turn("one", "1") });
  const reference = (id: string) => ({ type: "item_reference", id });

  test("are replaced by the items that they name", async () => {
    const items = await withReferences(ledger, tenant, [reference("msg_abc_0"), message("user", "two")]);
    expect(items).toEqual([{ ...message("assistant", "1"), id: "msg_abc_0" }, message("user", "two")]);
  });

  test("items without one are the same list, and nothing is looked up", async () => {
    const items = [message("user", "x")];
    expect(await withReferences(ledger, tenant, items)).toBe(items);
  });

  test.each(["msg_abc_1", "msg_other_0", "msg_67ccd2bed1ec", ""])(
    "to %p, which is not kept, are refused",
    async (id) => {
      const error = await refusal(withReferences(ledger, tenant, [message("user", "x"), reference(id)]));
      expect([error.code, error.detail.param]).toEqual(["not_found", "input[1]"]);
    },
  );

  test("to more responses than are looked up are refused", async () => {
    const many = Array.from({ length: 101 }, (_, index) => reference(`msg_a${index}_0`));
    expect((await refusal(withReferences(ledger, tenant, many))).code).toBe("invalid_request");
  });
});
