import { beforeEach, expect, test } from "bun:test";
import { SluiceError } from "../../../core/errors.ts";
import { requestId, tenantId } from "../../../core/ids.ts";
import { ManualClock } from "../../../core/manual-clock.ts";
import { StreamRegistry } from "../../../gateway/streams/registry.ts";
import { callerOf, chatRequest } from "../../../gateway/testing/fixtures.ts";
import { ScriptedGateway } from "../../../gateway/testing/scripted-gateway.ts";
import { ScriptedGeneration } from "../../../gateway/testing/scripted-generation.ts";
import { cancelStream, resumeStream } from "../../streams.ts";
import type { Keeping } from "./keeping.ts";
import { keptGeneration } from "./kept-generation.ts";
import { parseResponses } from "./request.ts";
import { toldAsResponse } from "./resumable.ts";

const clock = new ManualClock();
const tenant = tenantId("acme");
const request = parseResponses({
  model: "m",
  input: "x",
  stream: true,
  instructions: "Be brief.",
  temperature: 0.5,
});
const about = { requestId: requestId("req_a"), createdAt: 7, model: "scripted-chat", request };
let streams: StreamRegistry;
let kept: unknown[];
beforeEach(() => {
  streams = new StreamRegistry(clock);
  kept = [];
});

const keeping: Keeping = {
  async keep(_, __, response) {
    kept.push(response);
    return true;
  },
  close() {},
};

/** A stream that thinks, speaks and calls, and goes on. */
function open(): ScriptedGeneration {
  const generation = new ScriptedGeneration("a");
  generation.tell({ type: "reasoning", choice: 0, text: "Hm." });
  generation.say("one ", "two");
  generation.tell({ type: "toolCall", choice: 0, call: 0, id: "c", name: "look", arguments: "{}" });
  const ports = { clock, keeping };
  streams.open(
    callerOf({ tenant }),
    keptGeneration(ports, generation, tenant, about, request),
    chatRequest(),
    {
      told: toldAsResponse(about),
    },
  );
  return generation;
}

function ask(after: number, method = "GET"): Promise<Response> {
  const ports = { gateway: new ScriptedGateway(), streams };
  const headers = { authorization: "Bearer sk-acme", "last-event-id": String(after) };
  const handle = method === "DELETE" ? cancelStream : resumeStream;
  return handle(ports, new Request("http://x/v1/streams/str_a", { method, headers }), null, "str_a");
}
const framesAfter = async (after: number): Promise<readonly string[]> =>
  (await (await ask(after)).text()).split("\n\n").filter((frame) => frame !== "");
const idOf = (frame: string): number => Number(/^id: (\d+)$/m.exec(frame)?.[1] ?? Number.NaN);

test("each event has its number, and whoever comes back after any of them misses none and sees none again", async () => {
  open().end();
  const whole = await framesAfter(0);
  const numbered = whole.filter((frame) => frame.startsWith("id: "));
  expect(numbered.map(idOf)).toEqual(numbered.map((_, at) => at + 1));
  expect(numbered[0]).toContain('"instructions":"Be brief."');
  expect(numbered.at(-1)).toContain("event: response.completed");
  for (let after = 1; after < numbered.length; after += 1) {
    expect(await framesAfter(after)).toEqual(whole.filter((frame) => !(idOf(frame) <= after)));
  }
});

test("whoever has had the last event gets the end once more", async () => {
  open().end();
  const whole = await framesAfter(0);
  const last = Math.max(...whole.map(idOf).filter((id) => !Number.isNaN(id)));
  const again = await framesAfter(last);
  expect(again).toHaveLength(2);
  expect(again[0]).toStartWith(": sluice {");
  expect(again[1]).toBe(whole.at(-1) ?? "");
});

test("the response is kept once when it has ended, read or not, as its readers see it", async () => {
  open().end();
  const last = (await framesAfter(0)).at(-1) ?? "";
  const { response } = JSON.parse(last.split("data: ")[1] ?? "") as { response: { output: unknown } };
  expect(kept).toHaveLength(1);
  expect(kept[0]).toMatchObject({
    id: "resp_a",
    status: "completed",
    created_at: 7,
    output: response.output,
  });
});

test("one that breaks, or is cancelled, fails for every reader", async () => {
  open().end("truncated", new SluiceError("stream_truncated", "It broke."));
  const broken = await framesAfter(0);
  expect(broken.at(-3)).toContain("event: error");
  expect(broken.at(-2)).toContain("event: response.failed");
  expect(broken.at(-1)).toStartWith(': sluice {"outcome":"truncated"');
  streams = new StreamRegistry(clock);
  open();
  const reading = ask(0);
  await ask(0, "DELETE");
  expect(kept).toMatchObject([{ status: "failed" }]);
  const cancelled = await (await reading).text();
  expect(cancelled).toContain('"code":"request_cancelled"');
  expect(cancelled.slice(cancelled.indexOf("event: response.failed"))).toContain('"store":false');
  // Another node may go on with it: a response that was cancelled is not kept.
  expect(kept).toHaveLength(1);
});

test("a request whose echo would be long tells the rest of it", () => {
  const long = parseResponses({
    model: "m",
    input: "x",
    instructions: "x".repeat(100_000),
    temperature: 0.5,
  });
  expect(toldAsResponse({ ...about, request: long }).about.body).toEqual({ temperature: 0.5 });
});
