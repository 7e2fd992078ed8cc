import { describe, expect, test } from "bun:test";
import type { JsonObject, Outcome } from "../../core/generation.ts";
import { framedFinal, framedGeneration, type Said } from "../testing/framed-generation.ts";
import { arrayBody } from "./array-body.ts";
import { openCarried } from "./signatures.ts";
import { streamBody } from "./stream-body.ts";

const chunk = (delta: object, finish: string | null = null, index = 0): string =>
  `data: ${JSON.stringify({ choices: [{ index, delta, finish_reason: finish }] })}\n\n`;
const text = (content: string): string => chunk({ content });
const called = (index: number, fields: object): string => chunk({ tool_calls: [{ index, ...fields }] });
const own = (parts: readonly object[], finishReason?: string, index = 0): string =>
  `data: ${JSON.stringify({
    candidates: [{ content: { parts, role: "model" }, ...(finishReason ? { finishReason } : {}), index }],
    modelVersion: "gemini-x",
    responseId: "r-1",
  })}\r\n\r\n`;

interface Asked {
  readonly outcome?: Outcome;
  readonly finish?: string;
  readonly choices?: number;
  readonly showsThoughts?: boolean;
}

async function tell(said: readonly Said[], asked: Asked = {}) {
  const { outcome = "completed", finish = "stop", choices = 1, showsThoughts = false } = asked;
  const body = streamBody(framedGeneration(said, "gemini", framedFinal(outcome, finish)), {
    choices,
    showsThoughts,
  });
  const raw = await new Response(body).text();
  const frames = raw.split(/\r?\n\r?\n/).filter((frame) => frame !== "");
  const responses = frames.map((frame) =>
    frame.startsWith(": sluice") ? ("comment" as const) : (JSON.parse(frame.slice(6)) as JsonObject),
  );
  return { raw, responses };
}

const candidate = (response: JsonObject | "comment" | undefined, at = 0): JsonObject =>
  ((response as { candidates?: JsonObject[] })?.candidates ?? [])[at] ?? {};
const partsOf = (response: JsonObject | "comment" | undefined): unknown =>
  (candidate(response).content as { parts?: unknown })?.parts;

describe("an answer of another dialect", () => {
  test("is told in chunks, of which the last one ends it, behind the comment", async () => {
    const { responses } = await tell([chunk({ role: "assistant" }), text("one "), text("two")]);
    const names = { responseId: "a", modelVersion: "m" };
    expect(responses).toEqual([
      { candidates: [{ content: { parts: [{ text: "one " }], role: "model" }, index: 0 }], ...names },
      { candidates: [{ content: { parts: [{ text: "two" }], role: "model" }, index: 0 }], ...names },
      "comment",
      {
        candidates: [{ content: { parts: [{ text: "" }], role: "model" }, finishReason: "STOP", index: 0 }],
        usageMetadata: {
          promptTokenCount: 9,
          candidatesTokenCount: 5,
          totalTokenCount: 17,
          cachedContentTokenCount: 2,
          thoughtsTokenCount: 3,
        },
        ...names,
      },
    ]);
  });

  test.each([
    ["length", "MAX_TOKENS"],
    ["content_filter", "SAFETY"],
    ["tool_calls", "STOP"],
  ])("that ended for %s says %s", async (finish, finishReason) => {
    const { responses } = await tell([text("one")], { finish });
    expect(candidate(responses.at(-1)).finishReason).toBe(finishReason);
  });

  test("that was refused is told as the model's safety", async () => {
    const { responses } = await tell([chunk({ refusal: "No." })]);
    expect(partsOf(responses[0])).toEqual([{ text: "No." }]);
    expect(candidate(responses.at(-1)).finishReason).toBe("SAFETY");
  });

  test("shows its thoughts to whoever asks for them", async () => {
    const said = [chunk({ reasoning_content: "Hm." }), text("Yes.")];
    const shown = await tell(said, { showsThoughts: true });
    expect(partsOf(shown.responses[0])).toEqual([{ text: "Hm.", thought: true }]);
    expect((await tell(said)).raw).not.toContain("Hm.");
  });

  test("has its calls whole, at the end", async () => {
    const { responses } = await tell([
      called(0, { id: "x", function: { name: "f", arguments: '{"a"' } }),
      called(1, { id: "y", function: { name: "g", arguments: "" } }),
      called(0, { function: { arguments: ":1}" } }),
    ]);
    expect(responses).toHaveLength(2);
    expect(partsOf(responses[1])).toEqual([
      { functionCall: { id: "x", name: "f", args: { a: 1 } } },
      { functionCall: { id: "y", name: "g", args: {} } },
    ]);
  });

  test.each([
    ["tool_calls", "MALFORMED_FUNCTION_CALL"],
    ["length", "MAX_TOKENS"],
  ])("whose call is half a one ends for %s with %s", async (finish, finishReason) => {
    const half = called(0, { id: "x", function: { name: "f", arguments: '{"a"' } });
    const { responses } = await tell([half], { finish });
    expect(candidate(responses.at(-1))).toMatchObject({ finishReason, content: { parts: [{ text: "" }] } });
  });

  test("whose call is nested so deep that it would hold up everybody is told as one that failed", async () => {
    const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const { responses } = await tell([called(0, { id: "x", function: { name: "f", arguments: deep } })]);
    expect(candidate(responses.at(-1))).toMatchObject({ finishReason: "MALFORMED_FUNCTION_CALL" });
  });

  test("carries what its vendor wants back in a signature, and Gemini's own as it is", async () => {
    const call = (fields: object) =>
      called(0, { id: "x", function: { name: "f", arguments: "{}" }, ...fields });
    const foreign = await tell([
      chunk({ reasoning_content: "Hm." }),
      chunk({ thinking_blocks: [1] }),
      call({ extra: { a: 1 } }),
    ]);
    const [part] = partsOf(foreign.responses.at(-1)) as { thoughtSignature: string }[];
    expect(openCarried(part?.thoughtSignature ?? "")).toEqual({
      message: { thinking_blocks: [1] },
      calls: { 0: { extra: { a: 1 } } },
      reasoning: "Hm.",
    });
    const signature = (thought_signature: string) => ({ extra_content: { google: { thought_signature } } });
    const gemini = await tell([call(signature("s1")), chunk(signature("s2"))]);
    expect(partsOf(gemini.responses.at(-1))).toEqual([
      { text: "", thoughtSignature: "s2" },
      { functionCall: { id: "x", name: "f", args: {} }, thoughtSignature: "s1" },
    ]);
  });

  test("is stopped where more has to be kept until the end than there is room for", async () => {
    const piece = (name: string) => chunk({ [name]: ["x".repeat(1024 * 1024)] });
    const { raw } = await tell([piece("one"), piece("two"), piece("three"), text("a")], {
      outcome: "cancelled",
    });
    expect(raw).toContain("longer than the 2097152 characters");
  });

  test("has as many candidates as were asked for, each with its end", async () => {
    const said = [
      chunk({ content: "a" }, null, 0),
      chunk({ content: "b" }, "length", 1),
      chunk({}, "stop", 0),
    ];
    const { responses } = await tell([...said, chunk({ content: "nobody's" }, "stop", 2)], { choices: 2 });
    expect(responses.at(-1)).toMatchObject({
      candidates: [
        { index: 0, finishReason: "STOP" },
        { index: 1, finishReason: "MAX_TOKENS" },
      ],
    });
    expect(JSON.stringify(responses)).not.toContain("nobody's");
  });

  test("that broke off ends in an error and the comment, without a reason for the end or half a call", async () => {
    const half = called(0, { id: "x", function: { name: "f", arguments: "{}" } });
    const { responses, raw } = await tell([text("one"), half], { outcome: "truncated" });
    expect(responses.slice(1)).toMatchObject([{ error: { code: 502, status: "UNAVAILABLE" } }, "comment"]);
    expect(raw).not.toMatch(/finishReason|functionCall/);
  });
});

describe("a vendor's own responses", () => {
  test("go out as they came, but for the end, which waits for the charge", async () => {
    const [first, second] = [own([{ text: "one" }]), own([{ text: "two" }])];
    const last = own([{ text: "" }], "STOP");
    const after = 'data: {"usageMetadata":{"promptTokenCount":1}}\r\n\r\n';
    const { raw } = await tell([{ own: first }, { own: second + last }, { own: after }]);
    const [comment = ""] = /^: sluice .*\n\n/m.exec(raw) ?? [];
    expect(raw).toBe(first + second + comment + last + after);
  });

  test("with several candidates end with the last of them; a prompt that is refused ends at once", async () => {
    const said = [own([{ text: "a" }], "STOP", 0), own([{ text: "b" }], "STOP", 1)];
    const two = await tell(
      said.map((frame) => ({ own: frame })),
      { choices: 2 },
    );
    expect(two.raw.indexOf(": sluice")).toBe(said[0]?.length ?? -1);
    const blocked = 'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n';
    expect((await tell([{ own: blocked }])).raw).toMatch(/^: sluice .*\n\ndata: \{"promptFeedback/);
  });

  test("that broke off behind their end lose it, and nothing that was said", async () => {
    const said = [{ own: own([{ text: "one" }]) }, { own: own([{ text: " two" }], "STOP") }];
    const { responses, raw } = await tell(said, { outcome: "failed" });
    expect(responses.map((response) => partsOf(response))).toEqual([
      [{ text: "one" }],
      [{ text: " two" }],
      undefined,
      undefined,
    ]);
    expect(responses.at(-2)).toMatchObject({ error: { code: 502 } });
    expect(raw).not.toContain("finishReason");
  });

  test("are gone on with under their names by a vendor of another dialect", async () => {
    const { responses } = await tell([{ own: own([{ text: "one" }]) }, text(" two")]);
    expect(responses).toMatchObject([
      { responseId: "r-1" },
      {
        candidates: [{ content: { parts: [{ text: " two" }] } }],
        responseId: "r-1",
        modelVersion: "gemini-x",
      },
      "comment",
      { candidates: [{ finishReason: "STOP" }], responseId: "r-1" },
    ]);
  });

  test("end with what is written in escapes, and not with a candidate that nobody asked for", async () => {
    const last = own([{ text: "!" }], "STOP").replace("finishReason", "finish\\u0052eason");
    const foreign = own([{ text: "a" }], "STOP", 1);
    const more = own([{ text: "b" }]);
    const { raw } = await tell([{ own: foreign }, { own: more }, { own: last }]);
    const [comment = ""] = /^: sluice .*\n\n/m.exec(raw) ?? [];
    expect(raw).toBe(foreign + more + comment + last);
    const infinite = last.replace('"index":0', '"index":1e400');
    expect((await tell([{ own: infinite }])).raw).toMatch(/^: sluice .*\n\ndata: \{"candidates/);
  });

  test("may hold the words of an end in their text", async () => {
    const tricky = own([{ text: '"finishReason":"STOP","blockReason":1' }]);
    const last = own([{ text: "!" }], "STOP");
    const { raw } = await tell([{ own: tricky }, { own: last }]);
    expect(raw.startsWith(`${tricky}: sluice {`)).toBe(true);
  });
});

test("a client that leaves stops the vendor", async () => {
  const generation = framedGeneration(
    [text("one"), text("two")],
    "gemini",
    framedFinal("cancelled", null),
    true,
  );
  const reader = streamBody(generation, { choices: 1, showsThoughts: false }).getReader();
  await reader.read();
  await reader.cancel();
  expect(generation.isCancelled).toBe(true);
});

describe("a stream as an array", () => {
  const listed = (...writes: readonly string[]) =>
    new Response(arrayBody(new Response(new Blob([...writes])).body ?? new ReadableStream())).json();
  const pieces = (sse: string) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of Buffer.from(sse)) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });

  test("has the same responses, however they are cut, and no comments", async () => {
    const sse = `${own([{ text: "é" }])}: sluice {}\n\n${own([{ text: "b" }], "STOP")}`;
    expect(await listed(sse)).toMatchObject([
      { candidates: [{}] },
      { candidates: [{ finishReason: "STOP" }] },
    ]);
    const byBytes = await new Response(arrayBody(pieces(sse))).text();
    expect(JSON.parse(byBytes)).toEqual(await listed(sse));
  });

  test("of nothing is an empty one", async () => {
    expect(await listed("")).toEqual([]);
  });
});
