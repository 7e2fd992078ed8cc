import { expect, test } from "bun:test";
import type { Outcome } from "../../core/generation.ts";
import { framedFinal, framedGeneration, type Said } from "../testing/framed-generation.ts";
import { openThought } from "./sealed-thoughts.ts";
import { streamBody } from "./stream-body.ts";

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const text = (content: string): string => chunk({ content });
const own = (type: string, fields: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

interface Told {
  readonly raw: string;
  /** Data of the events, in order; a comment is "comment". */
  readonly events: readonly (Record<string, unknown> | "comment")[];
}

async function tell(said: readonly Said[], outcome: Outcome = "completed", finish = "stop"): Promise<Told> {
  const body = streamBody(
    framedGeneration(said, "anthropic", framedFinal(outcome, finish, { cacheWrite: 1 })),
    { suffix: "a", model: "m" },
  );
  const raw = await new Response(body).text();
  const frames = raw.split(/\r?\n\r?\n/).filter((frame) => frame !== "");
  const events = frames.map((frame) =>
    frame.startsWith(": sluice") ? "comment" : (JSON.parse(frame.split("data: ")[1] ?? "") as object),
  );
  return { raw, events: events as Told["events"] };
}

const start = (index: number, content_block: object) => ({
  type: "content_block_start",
  index,
  content_block,
});
const delta = (index: number, type: string, fields: object) => ({
  type: "content_block_delta",
  index,
  delta: { type, ...fields },
});
const stop = (index: number) => ({ type: "content_block_stop", index });

test("chunks become the events of a message", async () => {
  const call = (at: number, fields: object) => chunk({ tool_calls: [{ index: at, ...fields }] });
  const { events } = await tell(
    [
      chunk({ role: "assistant", reasoning_content: "hm" }) + text("o"),
      text("ne"),
      call(0, { id: "c1", type: "function", function: { name: "f", arguments: "" } }),
      call(0, { function: { arguments: '{"a":1}' } }),
      call(1, { id: "c2", type: "function", function: { name: "g", arguments: "{}" } }),
      chunk({}, "tool_calls"),
    ],
    "completed",
    "tool_calls",
  );
  const zero = {
    input_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 0,
  };
  expect(events).toEqual([
    {
      type: "message_start",
      message: {
        ...{ id: "msg_a", type: "message", role: "assistant", model: "m", content: [] },
        ...{ stop_reason: null, stop_sequence: null, usage: zero },
      },
    },
    { type: "ping" },
    start(0, { type: "thinking", thinking: "", signature: "" }),
    delta(0, "thinking_delta", { thinking: "hm" }),
    delta(0, "signature_delta", { signature: "sluice" }),
    stop(0),
    start(1, { type: "text", text: "" }),
    delta(1, "text_delta", { text: "o" }),
    delta(1, "text_delta", { text: "ne" }),
    stop(1),
    start(2, { type: "tool_use", id: "c1", name: "f", input: {} }),
    delta(2, "input_json_delta", { partial_json: '{"a":1}' }),
    stop(2),
    start(3, { type: "tool_use", id: "c2", name: "g", input: {} }),
    delta(3, "input_json_delta", { partial_json: "{}" }),
    stop(3),
    {
      type: "message_delta",
      delta: { stop_reason: "tool_use", stop_sequence: null },
      usage: {
        input_tokens: 7,
        cache_creation_input_tokens: 1,
        cache_read_input_tokens: 2,
        output_tokens: 8,
      },
    },
    "comment",
    { type: "message_stop" },
  ]);
});

test.each([
  ["stop", "end_turn"],
  ["length", "max_tokens"],
  ["function_call", "tool_use"],
  ["content_filter", "refusal"],
])("an answer that ended by %s has the stop reason %s", async (finish, reason) => {
  const { events } = await tell([text("a")], "completed", finish);
  expect(events.at(-3)).toMatchObject({ delta: { stop_reason: reason } });
});

test("a refusal is said in words, and as the reason", async () => {
  const { events } = await tell([chunk({ refusal: "No." })]);
  expect(events).toContainEqual(delta(0, "text_delta", { text: "No." }));
  expect(events.at(-3)).toMatchObject({ delta: { stop_reason: "refusal" } });
});

test("what a vendor wants back is sealed at the end", async () => {
  const called = { index: 0, id: "c1", function: { name: "f", arguments: "{}" }, extra_content: { g: 1 } };
  const { events } = await tell([
    chunk({ tool_calls: [called] }),
    chunk({ thinking_blocks: [{ index: 0 }] }),
  ]);
  const sealed = events.find(
    (event) => event !== "comment" && JSON.stringify(event).includes("redacted_thinking"),
  ) as { index: number; content_block: { data: string } };
  expect(sealed.index).toBe(1);
  expect(openThought(sealed.content_block.data)).toEqual({
    message: { thinking_blocks: [{ index: 0 }] },
    calls: { c1: { extra_content: { g: 1 } } },
  });
});

const callPiece = (at: number, args: string): string =>
  chunk({ tool_calls: [{ index: at, function: { name: `f${at}`, arguments: args } }] });
/** Kind and place of each event of a block. */
const blockEvents = ({ events }: Told): readonly (readonly unknown[])[] =>
  events.flatMap((event) => {
    if (event === "comment" || !String(event.type).startsWith("content_block_")) return [];
    const { partial_json } = (event.delta ?? {}) as { partial_json?: string };
    return [[String(event.type).slice("content_block_".length), event.index, partial_json ?? ""]];
  });

test("calls without an id get one", async () => {
  const { events } = await tell([callPiece(0, "{}"), callPiece(1, "{}")]);
  expect(events).toContainEqual(start(0, { type: "tool_use", id: "toolu_a_0", name: "f0", input: {} }));
  expect(events).toContainEqual(start(1, { type: "tool_use", id: "toolu_a_1", name: "f1", input: {} }));
});

test("calls that a vendor writes at once follow one another, each as soon as the one before is whole", async () => {
  const said = [
    ...[callPiece(0, ""), callPiece(1, ""), callPiece(1, '{"b":'), callPiece(2, "{"), callPiece(0, '{"a":1')],
    ...[callPiece(0, "}"), callPiece(1, "1}"), callPiece(2, "}")],
  ];
  expect(blockEvents(await tell(said))).toEqual([
    ...[
      ["start", 0, ""],
      ["delta", 0, '{"a":1'],
      ["delta", 0, "}"],
      ["stop", 0, ""],
    ],
    ...[
      ["start", 1, ""],
      ["delta", 1, '{"b":'],
      ["delta", 1, "1}"],
      ["stop", 1, ""],
    ],
    ...[
      ["start", 2, ""],
      ["delta", 2, "{"],
      ["delta", 2, "}"],
      ["stop", 2, ""],
    ],
  ]);
});

test("calls that wait for one that is never whole are told when something else begins, or at the end", async () => {
  expect(
    blockEvents(await tell([callPiece(0, "{"), callPiece(1, "{}"), text("x")])).map(([kind]) => kind),
  ).toEqual([...["start", "delta", "stop", "start", "delta", "stop", "start", "delta", "stop"]]);
  expect(blockEvents(await tell([callPiece(0, ""), callPiece(1, "{}")]))).toEqual([
    ["start", 0, ""],
    ["stop", 0, ""],
    ...[
      ["start", 1, ""],
      ["delta", 1, "{}"],
      ["stop", 1, ""],
    ],
  ]);
});

const OWN_START = own("message_start", { message: { id: "msg_own", usage: { input_tokens: 3 } } });
const OWN_TEXT =
  own("content_block_start", { index: 0, content_block: { type: "text", text: "" } }) +
  own("content_block_delta", { index: 0, delta: { type: "text_delta", text: "content_block_stop" } });

test("a vendor's own frames go out as they came, with the comment before the end", async () => {
  const said = [
    OWN_START,
    OWN_TEXT,
    own("content_block_stop", { index: 0 }),
    own("message_delta", { delta: { stop_reason: "end_turn" } }),
  ];
  const { raw, events } = await tell(said.map((one) => ({ own: one })));
  expect(raw).toStartWith(said.join(""));
  expect(events.slice(-2)).toEqual(["comment", { type: "message_stop" }]);
  expect(events).toHaveLength(7);
});

test("another vendor goes on in the block that its own left open", async () => {
  const { events } = await tell([{ own: OWN_START + OWN_TEXT }, text(" more"), chunk({}, "stop")]);
  expect(events.slice(3)).toEqual([
    delta(0, "text_delta", { text: " more" }),
    stop(0),
    expect.objectContaining({ type: "message_delta" }),
    "comment",
    { type: "message_stop" },
  ]);
});

test("another vendor goes on behind what has a place, whatever numbers the first one gave", async () => {
  const odd = ["1e400", "-1", "0.5", "null"].map((index) =>
    own("content_block_start", { index: 0, content_block: { type: "text", text: "" } }).replace(
      '"index":0',
      `"index":${index}`,
    ),
  );
  const { events } = await tell([{ own: OWN_START + odd.join("") }, text("more"), chunk({}, "stop")]);
  expect(events.slice(5)).toEqual([
    start(0, { type: "text", text: "" }),
    delta(0, "text_delta", { text: "more" }),
    stop(0),
    expect.objectContaining({ type: "message_delta" }),
    "comment",
    { type: "message_stop" },
  ]);
});

test("a thought that its vendor left open is closed as nobody's before another goes on", async () => {
  const thought = own("content_block_start", { index: 0, content_block: { type: "thinking", thinking: "" } });
  const { events } = await tell([{ own: OWN_START + thought }, text("Yes.")]);
  expect(events.slice(2, 6)).toEqual([
    delta(0, "signature_delta", { signature: "sluice" }),
    stop(0),
    start(1, { type: "text", text: "" }),
    delta(1, "text_delta", { text: "Yes." }),
  ]);
});

test.each([
  ["chunks", [text("a")]],
  ["a vendor's own frames", [{ own: OWN_START + OWN_TEXT }]],
  ["both", [{ own: OWN_START + OWN_TEXT }, text("a")]],
  ["nothing", []],
] as const)("a bad end after %s is an error and the comment, and never an end", async (_, said) => {
  const { raw, events } = await tell(said, "truncated");
  expect(events.slice(-2)).toEqual([
    {
      type: "error",
      error: { type: "api_error", message: "It broke.", code: "stream_truncated", param: null },
      request_id: "req_a",
    },
    "comment",
  ]);
  expect(raw).not.toContain("message_stop");
  expect(raw).not.toContain("message_delta");
});

test("an answer of nothing is an empty message", async () => {
  const { events } = await tell([chunk({}, "stop")]);
  expect(events.map((event) => (event === "comment" ? event : event.type))).toEqual([
    ...["message_start", "ping", "message_delta", "comment", "message_stop"],
  ]);
});

test("a client that leaves stops the vendor", async () => {
  const generation = framedGeneration(
    [text("a"), text("b")],
    "anthropic",
    framedFinal("cancelled", null, { cacheWrite: 1 }),
    true,
  );
  const reader = streamBody(generation, { suffix: "a", model: "m" }).getReader();
  await reader.read();
  await reader.cancel();
  expect(generation.isCancelled).toBe(true);
});

test("what a vendor wants back is left out where it is more than is kept", async () => {
  const piece = (name: string) => chunk({ [name]: ["x".repeat(1024 * 1024)] });
  const isSealed = async (...names: string[]) =>
    (await tell([text("a"), ...names.map(piece)])).raw.includes("redacted_thinking");
  expect(await isSealed("one")).toBe(true);
  expect(await isSealed("one", "two")).toBe(false);
});

test("calls wait no longer than there is room for their pieces, however little these say", async () => {
  const said = [callPiece(0, "{"), ...Array.from({ length: 25_000 }, () => callPiece(1, ""))];
  const { events } = await tell([...said, callPiece(0, "}")]);
  const places = blockEvents({ raw: "", events }).map(([kind, index]) => `${kind} ${index}`);
  // The first was closed before it was whole.
  expect(places.slice(0, 4)).toEqual(["start 0", "delta 0", "stop 0", "start 1"]);
});
