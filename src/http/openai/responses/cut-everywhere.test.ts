import { expect, test } from "bun:test";
import { sluiceComment } from "../../../../tests/gateway.ts";
import { readRequest } from "../../../../tests/mock-vendor/call.ts";
import { planOf } from "../../../../tests/mock-vendor/plan.ts";
import { responseFrames } from "../../../../tests/mock-vendor/responses.ts";
import type { Script } from "../../../../tests/mock-vendor/script.ts";
import type { Transport, VendorCall } from "../../../adapters/adapter.ts";
import { createAnthropic } from "../../../adapters/anthropic/index.ts";
import { openai } from "../../../adapters/openai/index.ts";
import type { JsonObject } from "../../../core/generation.ts";
import { requestId, tenantId } from "../../../core/ids.ts";
import { ManualClock } from "../../../core/manual-clock.ts";
import { createRunWorld, DONE, delta, FINISH, runRoute, USAGE } from "../../../gateway/testing/run-world.ts";
import type { Keeping } from "./keeping.ts";
import { parseResponses } from "./request.ts";
import { streamBody } from "./stream-body.ts";

/** OpenAI's own stream of a response, cut anywhere, and gone on with by another vendor, or by nobody. */
const TEXT = 'w0001 w0002 é0003 😀\n\nw0004 "w\\5" w0006';
const anthropic = createAnthropic(new ManualClock());

function ownStream(script: Script): string {
  const body = {
    model: "gpt-5.4",
    stream: true,
    input: "Speak.",
    reasoning: { summary: "auto" },
    include: ["reasoning.encrypted_content"],
  };
  const bytes = Buffer.from(JSON.stringify(body));
  const request = readRequest("POST", "/v1/responses", new Headers(), bytes);
  return responseFrames(request, script, planOf(request, script, 1), 1)
    .map(({ data }) => `event: ${String(data.type)}\ndata: ${JSON.stringify(data)}\n\n`)
    .join("");
}

function messagesEvents(pieces: readonly string[]): string {
  const event = (type: string, data: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  return [
    event("message_start", {
      message: { id: "m", content: [], usage: { input_tokens: 7, output_tokens: 1 } },
    }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    ...pieces.map((text) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text } })),
    event("content_block_stop", { index: 0 }),
    event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: pieces.length } }),
    event("message_stop", {}),
  ].join("");
}

function givenIn(call: VendorCall): { readonly text: string; readonly anchor: string } {
  const { messages } = JSON.parse(String(call.body)) as { messages: { role: string; content: string }[] }; // sent by us
  const last = messages.at(-1);
  const anchor = last?.role === "user" ? (/which are:\n(.*)$/s.exec(last.content)?.[1] ?? "") : "";
  return { text: messages.findLast(({ role }) => role === "assistant")?.content ?? "", anchor };
}

type Second = "openai" | "anthropic" | "nobody";

async function run(sent: Uint8Array, second: Second) {
  const routes = [runRoute("a", openai, { input: 1n, output: 10n })];
  if (second !== "nobody")
    routes.push(runRoute("b", second === "openai" ? openai : anthropic, { input: 3n, output: 7n }));
  const world = createRunWorld(openai, routes);
  const network: Transport = async (call) => {
    if (call.url.startsWith("http://a.")) return new Response(Buffer.from(sent));
    // What has not begun is asked for anew, in the client's own words.
    if (call.url.endsWith("/responses")) return new Response(ownStream({ text: TEXT }));
    const { text, anchor } = givenIn(call);
    if (!TEXT.startsWith(text)) throw new Error(`was given what nobody said: ${JSON.stringify(text)}`);
    const rest = (anchor + TEXT.slice(text.length)).match(/.{1,3}/gsu) ?? [];
    if (second === "anthropic") return new Response(messagesEvents(rest));
    return new Response(rest.map((piece) => delta(piece)).join("") + FINISH + USAGE + DONE);
  };
  world.network = network;
  const request = parseResponses({ model: "m", input: "Speak.", stream: true, max_output_tokens: 50 });
  const native = { dialect: "openai-responses", body: request.body } as const;
  const stream = await world.chat(
    { stream: true, messages: [{ role: "user", content: "Speak." }] },
    { native },
  );
  if (stream.kind !== "stream") throw new Error("not a stream");
  const kept: JsonObject[] = [];
  const keeping: Keeping = {
    async keep(_, __, response) {
      kept.push(response);
      return true;
    },
    close() {},
  };
  const about = { requestId: requestId("req_a"), createdAt: 1, model: "m-1", request };
  const ports = { clock: new ManualClock(), keeping };
  const raw = await new Response(streamBody(ports, stream, tenantId("t"), about, request)).text();
  expect(world.booked).toHaveLength(1);
  expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
  return { raw, kept };
}

interface Event {
  readonly type: string;
  readonly sequence_number: number;
  readonly output_index: number;
  readonly item: JsonObject & { readonly id: string };
  readonly item_id: string;
  readonly delta: string;
  readonly text: string;
  readonly part: { readonly type: string; readonly text: string };
  readonly response: JsonObject & { readonly output: readonly JsonObject[] };
}

interface Item {
  readonly id: string;
  whole: JsonObject | undefined;
  /** Of the open part. */
  part: string | undefined;
  text: string;
}

/** Reads a stream as strictly as it can be read. */
function readEvents(raw: string) {
  const items: Item[] = [];
  const ends: Event[] = [];
  const errors: Event[] = [];
  let count = 0;
  for (const frame of raw.split("\n\n")) {
    if (frame === "" || frame.startsWith(": sluice ")) continue;
    const [name, data] = frame.split("\n");
    const event = JSON.parse((data ?? "").slice(6)) as Event;
    expect(name).toBe(`event: ${event.type}`);
    expect(event.sequence_number).toBe(count);
    expect(ends).toEqual([]);
    count += 1;
    const item = items[event.output_index];
    switch (event.type) {
      case "response.created":
      case "response.in_progress":
        expect(event.response).toMatchObject({ id: "resp_a", store: true, status: "in_progress" });
        break;
      case "response.output_item.added":
        expect(event.output_index).toBe(items.length);
        expect(items.every(({ whole }) => whole !== undefined)).toBe(true);
        items.push({ id: event.item.id, whole: undefined, part: undefined, text: "" });
        break;
      case "response.content_part.added":
      case "response.reasoning_summary_part.added":
        expect([item?.id, item?.part]).toEqual([event.item_id, undefined]);
        if (item !== undefined) item.part = event.part.text;
        break;
      case "response.output_text.delta":
      case "response.reasoning_summary_text.delta":
        expect([item?.id, typeof item?.part]).toEqual([event.item_id, "string"]);
        if (item !== undefined) item.part += event.delta;
        break;
      case "response.output_text.done":
      case "response.reasoning_summary_text.done":
        expect(event.text).toBe(item?.part ?? "none");
        break;
      case "response.content_part.done":
      case "response.reasoning_summary_part.done":
        expect(event.part.text).toBe(item?.part ?? "none");
        if (item !== undefined) [item.text, item.part] = [item.text + event.part.text, undefined];
        break;
      case "response.output_item.done":
        expect([item?.id, item?.whole, item?.part]).toEqual([event.item.id, undefined, undefined]);
        if (item !== undefined) item.whole = event.item;
        break;
      case "error":
        errors.push(event);
        break;
      default:
        ends.push(event);
    }
  }
  const [end] = ends;
  if (end === undefined) throw new Error("did not end");
  expect(items.map(({ whole }) => whole)).toEqual([...end.response.output]);
  const spoken = items.filter(({ whole }) => whole?.type === "message").map(({ text }) => text);
  return { end, errors, spoken, items };
}

test.each([
  ["a vendor of another dialect", "anthropic", 0, {}],
  ["OpenAI itself", "openai", 1, {}],
  ["a vendor of another dialect, after thoughts,", "anthropic", 2, { reasoningTokens: 2 }],
] as const)(
  "%s goes on, wherever the first is cut",
  async (_, second, begin, more) => {
    const whole = Buffer.from(ownStream({ text: TEXT, ...more }));
    // Each of the three takes another third of the places.
    for (let cut = begin; cut <= whole.length; cut += 3) {
      const { raw, kept } = await run(whole.subarray(0, cut), second);
      const { end, errors, spoken } = readEvents(raw);
      expect([cut, end.type, spoken]).toEqual([cut, "response.completed", [TEXT]]);
      expect(errors).toEqual([]);
      expect(end.response).toMatchObject({ id: "resp_a", store: true, status: "completed" });
      expect(kept).toMatchObject([{ id: "resp_a", status: "completed" }]);
      expect(sluiceComment(raw)?.outcome).toBe("completed");
      expect(raw).not.toContain("gAAAAAB");
    }
  },
  120_000,
);

test("what nobody goes on with fails, wherever it is cut, with what was said", async () => {
  const text = ownStream({ text: TEXT, reasoningTokens: 2 });
  const whole = Buffer.from(text);
  const first = Buffer.byteLength(text.slice(0, text.indexOf("event: response.output_text.delta")));
  const last = Buffer.byteLength(text.slice(0, text.indexOf("event: response.completed")));
  for (let cut = first + 400; cut < last; cut += 3) {
    const { raw, kept } = await run(whole.subarray(0, cut), "nobody");
    const { end, errors, spoken, items } = readEvents(raw);
    expect([cut, end.type]).toEqual([cut, "response.failed"]);
    expect(errors).toHaveLength(1);
    expect(end.response).toMatchObject({ id: "resp_a", error: { code: "stream_truncated" } });
    expect(TEXT.startsWith(spoken[0] ?? "none")).toBe(true);
    expect(items.map(({ id }) => id.replace(/_.*/, ""))).toEqual(["rs", "msg"]);
    // It is kept with what its vendor sealed.
    expect(JSON.stringify(kept)).toContain("gAAAAAB");
    expect(raw.trimEnd().split("\n").at(-1)).toStartWith(": sluice {");
  }
}, 60_000);

test("the vendor's own frames are the client's, but for the names of the response and what was not asked for", async () => {
  const text = ownStream({ text: TEXT, reasoningTokens: 2 });
  const { raw } = await run(Buffer.from(text), "nobody");
  const [before, after] = [text, raw].map((one) => one.split("\n\n").filter((frame) => frame !== ""));
  const comment = after?.findIndex((frame) => frame.startsWith(": sluice ")) ?? -1;
  expect(comment).toBe((after?.length ?? 0) - 2);
  const shown = after?.toSpliced(comment, 1) ?? [];
  const changed = before?.flatMap((frame, at) => (frame === shown[at] ? [] : [frame.split("\n")[0]]));
  expect(changed).toEqual([
    "event: response.created",
    "event: response.in_progress",
    "event: response.output_item.added",
    "event: response.output_item.done",
    "event: response.completed",
  ]);
  const asTold = (before?.join("\n\n") ?? "")
    .replaceAll(/"id":"resp_[0-9a-f]+"/g, '"id":"resp_a"')
    .replaceAll(/,"encrypted_content":"[^"]*"/g, "");
  expect(shown.join("\n\n")).toBe(asTold);
});
