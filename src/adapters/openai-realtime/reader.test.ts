import { describe, expect, test } from "bun:test";
import { NO_USAGE } from "../../core/usage.ts";
import { openai } from "../openai/index.ts";

const SECRET = "sk-proj-very-secret-0123456789";

function reader() {
  if (openai.realtime === undefined) throw new Error("no conversations");
  return openai.realtime.openReader(SECRET);
}
const frame = (event: object): string => JSON.stringify(event);
/** As recorded in September 2026. */
const USAGE = {
  total_tokens: 127,
  input_tokens: 120,
  output_tokens: 7,
  input_token_details: {
    text_tokens: 120,
    audio_tokens: 0,
    image_tokens: 0,
    cached_tokens: 64,
    cached_tokens_details: { text_tokens: 64, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 7, audio_tokens: 0 },
};
const done = (usage?: object) => frame({ type: "response.done", response: { id: "r", usage } });

describe("what a conversation used", () => {
  test("is told by each answer, the cached part apart", () => {
    expect(reader().fromVendor(done(USAGE)).usage).toEqual({
      ...NO_USAGE,
      input: 56,
      cachedInput: 64,
      output: 7,
    });
  });

  test("of sound is told apart from text, without what of it was cached", () => {
    const usage = {
      ...USAGE,
      input_tokens: 1_200,
      output_tokens: 70,
      input_token_details: {
        text_tokens: 200,
        audio_tokens: 1_000,
        cached_tokens: 640,
        cached_tokens_details: { text_tokens: 140, audio_tokens: 500 },
      },
      output_token_details: { text_tokens: 10, audio_tokens: 60 },
    };
    expect(reader().fromVendor(done(usage)).usage).toEqual({
      ...NO_USAGE,
      input: 60,
      cachedInput: 640,
      audioInput: 500,
      output: 10,
      audioOutput: 60,
    });
  });

  test("of another model's transcript counts at this one's rates", () => {
    const type = "conversation.item.input_audio_transcription.completed";
    const told = (usage: object) => reader().fromVendor(frame({ type, transcript: "hi", usage })).usage;
    expect(told({ type: "duration", seconds: 2.5 })).toMatchObject({ audioInput: 25 });
    expect(told({ type: "tokens", input_tokens: 9, output_tokens: 3 })).toMatchObject({
      audioInput: 9,
      output: 3,
    });
  });

  test("is what was delivered, where an answer tells none", () => {
    const silent = reader();
    silent.fromVendor(frame({ type: "response.created", response: {} }));
    silent.fromVendor(frame({ type: "response.output_text.delta", delta: "x".repeat(40) }));
    expect(silent.fromVendor(done()).usage).toMatchObject({ output: 10 });
    expect(silent.pending(true)).toEqual(NO_USAGE);
  });

  test("while an answer is under way is all that was heard before and said so far", () => {
    const talking = reader();
    talking.fromVendor(done(USAGE));
    talking.sent(talking.weigh(frame({ type: "input_audio_buffer.append", audio: "A".repeat(64_000) })));
    expect(talking.pending(true)).toEqual(NO_USAGE);
    talking.fromVendor(frame({ type: "response.created", response: {} }));
    talking.fromVendor(frame({ type: "response.output_audio.delta", delta: "A".repeat(64_000) }));
    const { input, cachedInput, audioInput = 0, audioOutput = 0 } = talking.pending(true);
    expect([input, cachedInput]).toEqual([63, 64]);
    expect(audioInput).toBeWithin(10, 13);
    expect(audioOutput).toBeWithin(20, 23);
    expect(talking.prompts()[0]).toBeGreaterThan(127);
  });
});

describe("frames", () => {
  test("that only quote the words of others mean nothing", () => {
    const quiet = reader();
    const text = 'say "response.done" and "error"';
    expect(quiet.fromVendor(frame({ type: "response.output_text.delta", delta: text }))).toEqual({});
    expect(quiet.fromVendor('no JSON at all: "response.done"')).toEqual({});
    const item = { type: "conversation.item.added", item: { name: "response.done", arguments: "error" } };
    expect(quiet.fromVendor(frame(item))).toEqual({});
  });

  test("of errors are shown without the key", () => {
    const error = { type: "invalid_request_error", code: "invalid_value", message: `Bad key ${SECRET}!` };
    const { shown = "", failure } = reader().fromVendor(frame({ type: "error", event_id: "e", error }));
    expect(JSON.parse(shown)).toMatchObject({
      type: "error",
      event_id: "e",
      error: { code: "invalid_value" },
    });
    expect(shown + failure?.message).not.toContain(SECRET.slice(8, 20));
  });
});

test.each([
  [3000, "key"],
  [4000, "config"],
  [1006, "vendor"],
])("a close of %d before anything began is the %s's fault", (code, fault) => {
  expect(reader().closed(code)).toMatchObject({ fault });
});

test("what was told before a close is what is wrong", () => {
  const refused = reader();
  refused.fromVendor(
    frame({
      type: "error",
      error: { type: "invalid_request_error", code: "invalid_api_key", message: "no" },
    }),
  );
  expect(refused.closed(1006)).toMatchObject({ fault: "key" });
});

test("a conversation is opened over a secure WebSocket, its key in a header alone", () => {
  const call = openai.realtime?.buildSocket({
    model: "gpt realtime",
    baseUrl: "https://api.openai.com/v1",
    secret: SECRET,
  });
  expect(call).toEqual({
    url: "wss://api.openai.com/v1/realtime?model=gpt%20realtime",
    headers: { authorization: `Bearer ${SECRET}` },
  });
});
