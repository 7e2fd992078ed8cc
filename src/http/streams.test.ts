import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Server } from "bun";
import { asSluiceError } from "../core/errors.ts";
import { requestId, tenantId } from "../core/ids.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { StreamRegistry } from "../gateway/streams/registry.ts";
import { callerOf, chatRequest } from "../gateway/testing/fixtures.ts";
import { ScriptedGateway } from "../gateway/testing/scripted-gateway.ts";
import { ScriptedGeneration } from "../gateway/testing/scripted-generation.ts";
import { errorResponse } from "./errors.ts";
import { cancelStream, resumableBody, resumeStream } from "./streams.ts";

const HEADERS = { authorization: "Bearer sk-acme" };
const REQUEST = chatRequest();
const CALLER = callerOf({ tenant: tenantId("acme") });

let clock: ManualClock;
let streams: StreamRegistry;
let server: Server<undefined>;

beforeEach(() => {
  clock = new ManualClock();
  streams = new StreamRegistry(clock);
  const ports = { gateway: new ScriptedGateway(), streams };
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request, self) {
      const id = new URL(request.url).pathname.replace("/v1/streams/", "");
      const handle = request.method === "DELETE" ? cancelStream : resumeStream;
      try {
        return await handle(ports, request, self, id);
      } catch (thrown) {
        return errorResponse(asSluiceError(thrown), requestId("req_x"));
      }
    },
  });
});
afterEach(() => server.stop(true));

/** A stream that has said three words and goes on. */
function open(): ScriptedGeneration {
  const generation = new ScriptedGeneration("a").say("one ", "two ", "three ");
  streams.open(CALLER, generation, REQUEST);
  return generation;
}

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(new URL(`/v1/streams/${path}`, server.url), { headers: { ...HEADERS, ...headers } });

const idsIn = (body: string): number[] => [...body.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

const textIn = (body: string): string =>
  [...body.matchAll(/^data: (\{.*)$/gm)]
    .map(([, data = ""]) => JSON.parse(data).choices?.[0]?.delta.content ?? "")
    .join("");

test("a running stream is read from its beginning, numbered without a gap, to its normal end", async () => {
  const generation = open();
  const response = await get("str_a");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(response.headers.get("x-sluice-stream")).toBe("str_a");
  expect(response.headers.get("x-request-id")).toBe("req_a");
  expect(response.headers.get("x-sluice-vendor")).toBe("scripted");
  generation.say("four").end();
  const body = await response.text();
  expect(idsIn(body)).toEqual([1, 2, 3, 4, 5]);
  expect(textIn(body)).toBe("one two three four");
  expect(body).toEndWith("data: [DONE]\n\n");
});

test("it goes on after Last-Event-ID, which is newer than ?after, which is enough alone", async () => {
  open().end();
  expect(idsIn(await (await get("str_a?after=1")).text())).toEqual([2, 3, 4]);
  const both = await get("str_a?after=1", { "last-event-id": "2" });
  expect(textIn(await both.text())).toBe("three ");
});

test("whoever has seen the last number gets the end once more", async () => {
  open().end();
  const body = await (await get("str_a?after=4")).text();
  expect(textIn(body)).toBe("");
  expect(body).toEndWith("data: [DONE]\n\n");
});

test("a stream that was cancelled ends with an error event and never with [DONE]", async () => {
  open();
  const response = await get("str_a");
  const cancelled = await fetch(new URL("/v1/streams/str_a", server.url), {
    method: "DELETE",
    headers: HEADERS,
  });
  expect(await cancelled.json()).toEqual({ id: "str_a", object: "stream", cancelled: true });
  const body = await response.text();
  expect(body).toContain('"code":"request_cancelled"');
  expect(body).not.toContain("[DONE]");
});

test("cancelling what has ended changes nothing and says so", async () => {
  open().end();
  await (await get("str_a")).text();
  const response = await fetch(new URL("/v1/streams/str_a", server.url), {
    method: "DELETE",
    headers: HEADERS,
  });
  expect(await response.json()).toEqual({ id: "str_a", object: "stream", cancelled: false });
});

test("unknown streams, those of others, wrong numbers and missing keys are refused", async () => {
  open();
  const statusOf = async (path: string, headers?: Record<string, string>): Promise<number> =>
    (await get(path, headers)).status;
  expect(await statusOf("str_b")).toBe(404);
  expect(await statusOf("str_a", { authorization: "Bearer sk-other" })).toBe(404);
  expect(await statusOf("str_a", { authorization: "Bearer nonsense" })).toBe(401);
  expect(await statusOf("str_a?after=x")).toBe(400);
  expect(await statusOf("str_a?after=-1")).toBe(400);
  expect(await statusOf("str_a?after=99")).toBe(400);
});

test("a reader that leaves is detached: the generation goes on for its time, then it is cancelled", async () => {
  const generation = open();
  const response = await get("str_a");
  const reader = response.body?.getReader();
  await reader?.read();
  await clock.advance(60_000);
  expect(generation.isCancelled).toBe(false);
  await reader?.cancel();
  while (!generation.isCancelled) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(1_000);
  }
});

test("the POST's own body is the first reader and numbers the same way", async () => {
  const generation = new ScriptedGeneration("b").say("x");
  const stream = streams.open(CALLER, generation, REQUEST);
  const response = new Response(resumableBody(stream, 0));
  generation.end();
  expect(idsIn(await response.text())).toEqual([1, 2]);
});
