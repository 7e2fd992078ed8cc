import { expect, test } from "bun:test";
import type { GenerationRequest, NativeDialect } from "../core/generation.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { seededRandom } from "../core/random.ts";
import { isPlausible } from "../core/usage.ts";
import type { Adapter, StreamMode } from "./adapter.ts";
import { createAnthropic } from "./anthropic/index.ts";
import { createGemini } from "./gemini/index.ts";
import { openai } from "./openai/index.ts";
import { createQwenNative } from "./qwen/native/adapter.ts";
import { readFrames } from "./sse/event-stream.ts";
import { readFixtures, requestOf, streamBytes } from "./testing/fixtures.ts";
import { mutated, pieces } from "./testing/mutated.ts";
import { type Reading, readAll } from "./testing/reading.ts";

/** What vendors say, broken at random and full of what nobody expects: whatever it is then, some things always hold. */
const ROUNDS = 300;
const clock = new ManualClock();

interface Wire {
  readonly adapter: Adapter;
  readonly fixtures: string;
  /** The client's, where bytes pass through. */
  readonly dialect?: NativeDialect;
  /** What must never reach a client of the dialect but as its end. */
  readonly end?: RegExp;
}

const WIRES: readonly Wire[] = [
  { adapter: createAnthropic(clock), fixtures: "anthropic" },
  { adapter: createAnthropic(clock), fixtures: "anthropic", dialect: "anthropic", end: /^message_stop$/ },
  { adapter: createGemini(clock), fixtures: "gemini" },
  { adapter: createGemini(clock), fixtures: "gemini", dialect: "gemini" },
  { adapter: createQwenNative(clock), fixtures: "qwen/native" },
  { adapter: openai, fixtures: "openai" },
  {
    adapter: openai,
    fixtures: "openai/responses",
    dialect: "openai-responses",
    end: /^response\.(?:completed|incomplete|failed|cancelled)$/,
  },
];

function requestFor({ dialect }: Wire, choices: number): GenerationRequest {
  const native = dialect === undefined ? {} : { native: { dialect, body: {} } };
  return requestOf(
    "chat",
    { messages: [{ role: "user", content: "a" }] },
    { ...native, choices, stream: true },
  );
}

function holds(reading: Reading, wire: Wire, choices: number): void {
  const ends = reading.events.filter(({ type }) => type === "end" || type === "failure");
  expect(ends.length).toBeLessThanOrEqual(1);
  if (ends.length === 1) expect(reading.events.at(-1)).toBe(ends[0]);
  for (const event of reading.events) {
    if (event.type === "usage") expect(isPlausible(event.usage)).toBe(true);
    // Of OpenAI's own wire the bytes pass through, whichever choice they are of.
    if (!("choice" in event) || wire.fixtures === "openai") continue;
    expect(Number.isInteger(event.choice) && event.choice >= 0 && event.choice < choices).toBe(true);
    if (event.type === "toolCall") expect([0, 1, 2, 3, 4, 5, 6, 7]).toContain(event.call);
  }
  if (wire.dialect === undefined) return;
  const shown = Buffer.from(reading.bytes).toString("utf8");
  for (const line of shown.split(/\r\n|\r|\n/)) expect(line).toMatch(/^(?:$|data:|event:)/);
  for (const { data = "", event } of readFrames(shown)) {
    const value = JSON.parse(data) as { readonly type?: unknown };
    if (wire.end === undefined) continue;
    expect(String(value.type)).not.toMatch(wire.end);
    expect(event ?? "").not.toMatch(wire.end);
  }
}

/** A vendor that changes its answer's name on the way is shown by the last one that a read has. */
const withoutNames = ({ bytes, ...rest }: Reading) => ({
  ...rest,
  shown: Buffer.from(bytes)
    .toString("utf8")
    .replaceAll(/"(?:id|model)":"[^"]*"/g, ""),
});

test.each(WIRES.map((wire) => [`${wire.fixtures} ${wire.dialect ?? "as a chat"}`, wire] as const))(
  "what is broken of %s is read without an error, in whatever pieces it comes, and says one end at most",
  (_, wire) => {
    const streams = readFixtures(wire.fixtures).exchanges.map((fixture) => streamBytes(fixture));
    for (let seed = 1; seed <= ROUNDS; seed += 1) {
      const random = seededRandom(seed);
      const stream = streams[seed % streams.length] ?? new Uint8Array();
      const bytes = Buffer.from(mutated(random, Buffer.from(stream).toString("utf8")));
      const choices = 1 + (seed % 2);
      const request = requestFor(wire, choices);
      const modes: readonly StreamMode[] = ["passthrough", "events"];
      for (const mode of modes) {
        const read = (parts: readonly Uint8Array[]): Reading =>
          readAll(wire.adapter.openStream(request, mode, "sk-secret", true), parts);
        const whole = read([bytes]);
        try {
          holds(whole, wire, choices);
          expect(withoutNames(read(pieces(random, bytes)))).toEqual(withoutNames(whole));
        } catch (thrown) {
          throw new Error(`seed ${seed}, ${mode}:\n${bytes.toString("utf8")}`, { cause: thrown });
        }
      }
    }
  },
);
