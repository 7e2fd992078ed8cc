import { expect, test } from "bun:test";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { EMPTY_PASSAGE, type Passage } from "../adapter.ts";
import { FRAME_TOO_LARGE } from "../openai-family/frames.ts";
import { streamedOrWhole } from "./streamed-or-whole.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

function read(...chunks: string[]) {
  const told = { events: "", whole: "" };
  const take = (chunk: Uint8Array): Passage => {
    told.events += Buffer.from(chunk).toString("utf8");
    return EMPTY_PASSAGE;
  };
  const reader = streamedOrWhole({ push: take, close: () => EMPTY_PASSAGE }, (body) => {
    told.whole += Buffer.from(body).toString("utf8");
    return EMPTY_PASSAGE;
  });
  for (const chunk of chunks) reader.push(bytesOf(chunk));
  reader.close();
  return told;
}

test("an object is read whole, in whatever pieces it comes", () => {
  const whole = '\n {"text":"Hi."}';
  for (let at = 0; at <= whole.length; at += 1) {
    expect(read(whole.slice(0, at), whole.slice(at))).toEqual({ events: "", whole });
  }
});

test("events are handed on as they come, with the white space before them", () => {
  const events = '\n\ndata: {"delta":"Hi."}\n\n';
  for (let at = 0; at <= events.length; at += 1) {
    expect(read(events.slice(0, at), events.slice(at))).toEqual({ events, whole: "" });
  }
});

test("an object that is too long is one failure, behind which nothing comes", () => {
  const reader = streamedOrWhole({ push: () => EMPTY_PASSAGE, close: () => EMPTY_PASSAGE }, () => ({
    events: [{ type: "end" }],
    hasContent: true,
  }));
  reader.push(bytesOf("{"));
  const passages = [reader.push(new Uint8Array(MAX_FRAME_BYTES)), reader.push(bytesOf("}")), reader.close()];
  expect(passages.flatMap(({ events }) => events)).toEqual([FRAME_TOO_LARGE]);
});
