import { expect, test } from "bun:test";
import type { Adapter, Transport } from "../../adapters/adapter.ts";
import { createAnthropic } from "../../adapters/anthropic/index.ts";
import { openai } from "../../adapters/openai/index.ts";
import type { NativeRequest } from "../../core/generation.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { nextOf } from "../../core/poll.ts";
import { createRunWorld, DONE, delta, FINISH, runRoute, USAGE } from "../testing/run-world.ts";

/** A client of Anthropic's dialect whose answers come from vendors of its own dialect and of others. */
const anthropic = createAnthropic(new ManualClock());
const NATIVE: NativeRequest = {
  dialect: "anthropic",
  body: { model: "m", max_tokens: 50, messages: [{ role: "user", content: "own words" }] },
};
const ONLY: NativeRequest = { ...NATIVE, only: { param: "tools[0]", message: "No." } };

const frame = (event: { type: string }): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
const block = (type: string, fields: object) =>
  frame(Object.assign({ type: "content_block_start", index: 0, content_block: { type, ...fields } }));
const piece = (text: string) =>
  frame(Object.assign({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }));
const START =
  frame(
    Object.assign({
      type: "message_start",
      message: { id: "msg_1", usage: { input_tokens: 10, output_tokens: 1 } },
    }),
  ) + block("text", { text: "" });
const STOP = frame(
  Object.assign({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } }),
);
const END = frame({ type: "message_stop" });

function relay(vendors: Readonly<Record<string, readonly [Adapter, string | "refused"]>>) {
  const routes = Object.entries(vendors).map(([name, [adapter]]) =>
    runRoute(name, adapter, { input: 1n, output: 10n }),
  );
  const world = createRunWorld(openai, routes);
  const asked: Record<string, unknown>[] = [];
  const network: Transport = async (call) => {
    const name = new URL(call.url).hostname.replace(".test", "");
    asked.push(JSON.parse(String(call.body)));
    const said = vendors[name]?.[1] ?? "refused";
    return said === "refused" ? new Response("{}", { status: 503 }) : new Response(said);
  };
  world.network = network;
  return { world, asked };
}

async function read(world: ReturnType<typeof relay>["world"], native: NativeRequest) {
  const stream = await world.chat({ stream: true }, { native });
  if (stream.kind !== "stream") throw new Error("not a stream");
  const parts: [string, string | undefined][] = [];
  for (let passage = await nextOf(stream); passage !== null; passage = await nextOf(stream)) {
    if (passage.bytes !== undefined)
      parts.push([Buffer.from(passage.bytes).toString("utf8"), passage.dialect]);
  }
  return { parts, final: stream.final, started: stream.started };
}

test("a vendor of the client's dialect gets its body, and the client the vendor's frames", async () => {
  const { world, asked } = relay({ a: [anthropic, START + piece("a") + STOP + END] });
  const { parts, final, started } = await read(world, NATIVE);
  expect(parts).toEqual([[START + piece("a") + STOP, "anthropic"]]);
  expect(asked[0]).toMatchObject({ messages: [{ content: "own words" }], model: "a-model" });
  expect(started.dialect).toBe("anthropic");
  expect(final).toMatchObject({
    outcome: "completed",
    finishReason: "stop",
    usage: { input: 10, output: 2 },
  });
  expect(world.booked[0]).toMatchObject({ charged: 30n });
});

test("a vendor of another dialect serves as for a client of OpenAI's", async () => {
  const said = delta("a") + FINISH + USAGE + DONE;
  const { world, asked } = relay({ a: [anthropic, "refused"], b: [openai, said] });
  const { parts, started } = await read(world, NATIVE);
  expect(parts.map(([, dialect]) => dialect)).toEqual([undefined]);
  expect(parts[0]?.[0]).toContain('"content":"a"');
  expect(asked[1]).toMatchObject({ messages: [{ content: "How are you?" }] });
  expect(started.dialect).toBeUndefined();
});

test("a vendor of another dialect goes on with an answer of which the beginning passed through", async () => {
  const beginning = "The longest of rivers is ";
  const rest = delta("the Nile.") + FINISH + USAGE + DONE;
  const { world, asked } = relay({ a: [anthropic, START + piece(beginning)], b: [openai, rest] });
  const { parts, final } = await read(world, NATIVE);
  expect(parts[0]).toEqual([START + piece(beginning), "anthropic"]);
  expect(parts.slice(1).every(([, dialect]) => dialect === undefined)).toBe(true);
  expect(
    parts
      .slice(1)
      .map(([bytes]) => bytes)
      .join(""),
  ).toContain("Nile.");
  expect(JSON.stringify(asked[1]?.messages)).toContain("longest of rivers");
  expect(final).toMatchObject({ outcome: "completed", vendors: ["a", "b"] });
});

test("a vendor of the same dialect goes on by a continuation, not by the client's body", async () => {
  const rest = START + piece("the Nile.") + STOP + END;
  const { world, asked } = relay({ a: [anthropic, START + piece("It is ")], b: [anthropic, rest] });
  const { parts, final } = await read(world, NATIVE);
  expect(parts.at(-1)?.[1]).toBeUndefined();
  expect(JSON.stringify(asked[1]?.messages)).toContain("It is");
  expect(JSON.stringify(asked[1]?.messages)).not.toContain("own words");
  expect(final?.outcome).toBe("completed");
});

test("an answer that only thought is begun anew by the client's own body", async () => {
  const thought = frame(
    Object.assign({
      type: "content_block_delta",
      index: 0,
      delta: { type: "thinking_delta", thinking: "hm" },
    }),
  );
  const first = START.replace(block("text", { text: "" }), block("thinking", { thinking: "" })) + thought;
  const { world, asked } = relay({
    a: [anthropic, first],
    b: [anthropic, START + piece("Yes.") + STOP + END],
  });
  const { parts, final } = await read(world, ONLY);
  expect(asked[1]).toMatchObject({ messages: [{ content: "own words" }] });
  expect(parts.at(-1)?.[0]).toContain('"finish_reason":"stop"');
  expect(final?.outcome).toBe("completed");
});

test("what only the client's dialect can say is not asked of other vendors", async () => {
  const whole = relay({ b: [openai, delta("a") + FINISH + USAGE + DONE] });
  const refused = await read(whole.world, ONLY).catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({ code: "unsupported_parameter", detail: { param: "tools[0]" } });
  expect(whole.asked).toEqual([]);
  const cut = relay({ a: [anthropic, START + piece("a")], b: [openai, delta("b") + FINISH + USAGE + DONE] });
  const { final } = await read(cut.world, ONLY);
  expect(final?.error?.code).toBe("stream_truncated");
  expect(cut.asked).toHaveLength(1);
});

test.each(["own", "other"] as const)(
  "of two vendors that are asked, %s begins first and tells in its words",
  async (winner) => {
    const own = START + piece("a") + STOP + END;
    const chunks = delta("a") + FINISH + USAGE + DONE;
    const adapters = { own: anthropic, other: openai };
    const slow = winner === "own" ? "other" : "own";
    const [first, second] = ([slow, winner] as const).map((name) =>
      runRoute(name, adapters[name], { input: 1n, output: 10n }),
    );
    if (first === undefined || second === undefined) throw new Error("two were made");
    const world = createRunWorld(openai, [first, second]);
    world.routing = { ...world.routing, hedge: { enabled: true, percentile: "p95" } };
    for (let calls = 0; calls < 100; calls += 1) {
      world.hedging.began(first, 1_000);
      world.hedging.asked();
    }
    world.network = (call, signal) =>
      new URL(call.url).hostname === `${winner}.test`
        ? Promise.resolve(new Response(winner === "own" ? own : chunks))
        : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const reading = read(world, NATIVE);
    await Bun.sleep(2);
    await world.clock.advance(2_000);
    const { parts, started, final } = await reading;
    const dialect = winner === "own" ? "anthropic" : undefined;
    expect(started).toMatchObject({ vendor: winner, attempts: 2 });
    expect(started.dialect).toBe(dialect);
    expect(parts.map(([, said]) => said)).toEqual([dialect]);
    expect(final?.outcome).toBe("completed");
    expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
  },
);
