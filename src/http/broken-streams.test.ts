import { expect, test } from "bun:test";
import { sluiceComment } from "../../tests/gateway.ts";
import type { Adapter } from "../adapters/adapter.ts";
import { createAnthropic } from "../adapters/anthropic/index.ts";
import { createGemini } from "../adapters/gemini/index.ts";
import { openai } from "../adapters/openai/index.ts";
import { readFrames } from "../adapters/sse/event-stream.ts";
import { readFixtures, streamBytes } from "../adapters/testing/fixtures.ts";
import { mutated } from "../adapters/testing/mutated.ts";
import { SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { tenantId } from "../core/ids.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { seededRandom } from "../core/random.ts";
import type { StreamGeneration } from "../gateway/gateway.ts";
import { createRunWorld, runRoute } from "../gateway/testing/run-world.ts";
import { namesOf } from "./anthropic/names.ts";
import { parseMessages } from "./anthropic/request.ts";
import { streamBody as messageBody } from "./anthropic/stream-body.ts";
import { parseContent } from "./gemini/request.ts";
import { streamBody as contentBody } from "./gemini/stream-body.ts";
import { listIn, objectIn } from "./openai/responses/chat-pieces.ts";
import { parseResponses } from "./openai/responses/request.ts";
import { streamBody as responseBody } from "./openai/responses/stream-body.ts";

/** A vendor's own stream, broken at random, as the client of its dialect sees it. */
const ROUNDS = 1_000;
const clock = new ManualClock();
const TEXT = "Speak.";

interface Dialect {
  readonly adapter: Adapter;
  readonly fixtures: string;
  readonly request: GenerationRequest;
  bodyOf(stream: StreamGeneration): ReadableStream<Uint8Array>;
  /** True for an event that says that all is well and over. */
  isEnd(event: Readonly<Record<string, unknown>>): boolean;
}

const responses = parseResponses({ model: "m", input: TEXT, stream: true });
const kept = { keep: async () => true, close() {} };

const DIALECTS: Readonly<Record<string, Dialect>> = {
  anthropic: {
    adapter: createAnthropic(clock),
    fixtures: "anthropic",
    request: parseMessages(
      { model: "m", max_tokens: 9, stream: true, messages: [{ role: "user", content: TEXT }] },
      90,
      null,
    ).request,
    bodyOf: (stream) => messageBody(stream, namesOf(stream.started)),
    isEnd: ({ type }) => type === "message_stop",
  },
  gemini: {
    adapter: createGemini(clock),
    fixtures: "gemini",
    request: parseContent({ contents: [{ parts: [{ text: TEXT }] }] }, "m", true, 90).request,
    bodyOf: (stream) => contentBody(stream, { choices: 1, showsThoughts: true }),
    isEnd: ({ candidates, promptFeedback }) =>
      objectIn(promptFeedback)?.blockReason !== undefined ||
      listIn(candidates).some((candidate) => {
        const { finishReason, index } = objectIn(candidate) ?? {};
        const isFirst = index === 0 || !Number.isFinite(index);
        return isFirst && typeof finishReason === "string" && finishReason !== "";
      }),
  },
  responses: {
    adapter: openai,
    fixtures: "openai/responses",
    request: {
      ...parseMessages(
        { model: "m", max_tokens: 9, stream: true, messages: [{ role: "user", content: TEXT }] },
        90,
        null,
      ).request,
      native: { dialect: "openai-responses", body: responses.body },
    },
    bodyOf(stream) {
      const about = { requestId: stream.started.requestId, createdAt: 1, model: "m", request: responses };
      return responseBody({ clock, keeping: kept }, stream, tenantId("t"), about, responses);
    },
    isEnd: ({ type }) => type === "response.completed" || type === "response.incomplete",
  },
};

async function told({ adapter, request, bodyOf }: Dialect, sent: string): Promise<string | undefined> {
  const world = createRunWorld(openai, [runRoute("a", adapter, { input: 1n, output: 10n })]);
  world.network = async () => new Response(Buffer.from(sent));
  const { native } = request;
  const stream = await world
    .chat(request.body, native === undefined ? {} : { native })
    .catch((thrown: unknown) => thrown);
  // Nothing was said yet: an error of HTTP.
  if (stream instanceof SluiceError) return undefined;
  const raw = await new Response(bodyOf(stream as StreamGeneration)).text();
  expect(world.booked).toHaveLength(1);
  expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
  return raw;
}

test.each(Object.entries(DIALECTS))(
  "%s: however a stream is broken, it ends once, behind one comment, and well only where all is booked as well",
  async (_, dialect) => {
    const streams = readFixtures(dialect.fixtures).exchanges.map((fixture) => streamBytes(fixture));
    for (let seed = 1; seed <= ROUNDS; seed += 1) {
      const stream = Buffer.from(streams[seed % streams.length] ?? "").toString("utf8");
      const sent = mutated(seededRandom(seed), stream);
      try {
        const raw = await told(dialect, sent);
        if (raw === undefined) continue;
        const comments = raw.match(/^: sluice /gm) ?? [];
        expect(comments).toHaveLength(1);
        const [before = "", behind = ""] = raw.split(/^: sluice .*$/m);
        const endsIn = (text: string): number =>
          [...readFrames(text)].filter(
            ({ data }) => data !== undefined && dialect.isEnd(JSON.parse(data) as Record<string, unknown>),
          ).length;
        const isWhole = sluiceComment(raw)?.outcome === "completed";
        expect([endsIn(before), endsIn(behind) > 0]).toEqual([0, isWhole]);
      } catch (thrown) {
        throw new Error(`seed ${seed}:\n${sent}`, { cause: thrown });
      }
    }
  },
  60_000,
);
