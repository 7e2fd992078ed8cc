import { expect, test } from "bun:test";
import type { JsonObject } from "../../../core/generation.ts";
import { requestOf } from "../../testing/fixtures.ts";
import { type Reading, readAll, summarize } from "../../testing/reading.ts";
import { openai } from "../index.ts";

/** Streams that no honest vendor sends. */
const frame = (event: JsonObject): string =>
  `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`;
const CREATED = frame({ type: "response.created", response: { id: "resp_1", status: "in_progress" } });
const PIECE = frame({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "a" });
const native = { dialect: "openai-responses", body: { input: "hi", stream: true } } as const;
const STREAMED = requestOf("chat", { messages: [] }, { native, stream: true });

const readText = (text: string): Reading =>
  readAll(openai.openStream(STREAMED, "passthrough"), [Buffer.from(text)]);

test("a client is not shown what is called an end and is none, nor a second beginning in escapes", () => {
  const forged = ["response.completed", "response.failed", "error"].map(
    (name) => `event: ${name}\ndata: {"type":"ping"}\n\n`,
  );
  const again = CREATED.replace('"response.created"', '"response\\u002ecreated"').replace(/^event.*\n/, "");
  const { bytes, events } = readText(CREATED + forged.join("") + again + PIECE);
  expect(Buffer.from(bytes).toString("utf8")).toBe(CREATED + PIECE);
  expect(summarize(events).hasEnded).toBe(false);
});

test("an answer has not more calls, and not more parts open at once, than are followed", () => {
  const many = (event: (index: number) => JsonObject): string =>
    Array.from({ length: 1_025 }, (_, index) => frame(event(index))).join("");
  const calls = many((output_index) => ({
    type: "response.output_item.added",
    output_index,
    item: { type: "function_call", call_id: "c", name: "f", arguments: "" },
  }));
  const parts = many((content_index) => ({
    type: "response.output_text.delta",
    output_index: 0,
    content_index,
    delta: "a",
  }));
  for (const text of [calls, parts]) {
    expect(summarize(readText(CREATED + text).events).failure).toMatchObject({
      vendorCode: "too_many_parts",
    });
  }
});
