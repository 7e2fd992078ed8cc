import { type Fault, failed, type Side, tooSlow, truncated, unavailable, whole } from "../fault.ts";
import type { Stage } from "../stage.ts";

/** What comes is no answer, or no HTTP. */
const SPOKEN = 3;
const HTML = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>cloud</body></html>";
const GARBAGE = Uint8Array.from({ length: 512 }, (_, at) => (at * 197 + 13) % 256);
/** Above the largest frame that is read. */
const GIANT = 5 * 1024 * 1024;
/** A chunk whose length is no number. */
const BAD_CHUNK = "zz\r\nnothing\r\n";

const both = (play: Side["play"], expect: Side["expect"] = unavailable) => ({
  stream: { play, expect },
  whole: { play, expect },
});
const inTheMiddle = (play: (stage: Stage) => Promise<void> | void, expect: Side["expect"]): Side => ({
  expect,
  play(s) {
    s.begin(SPOKEN);
    return play(s);
  },
});

export const nonsense: readonly Fault[] = [
  {
    name: "no_http",
    what: "answers with bytes that are no HTTP",
    ...both((s) => {
      s.raw(GARBAGE);
      return s.close();
    }),
  },
  {
    name: "bad_status_line",
    what: "has a status line without a number",
    ...both((s) => {
      s.raw("HTTP/1.1 well OK\r\ncontent-length: 2\r\n\r\n{}");
      return s.close();
    }),
  },
  {
    name: "garbage",
    what: "200 with bytes that mean nothing",
    ...both((s) => {
      s.head(200, { "content-type": "application/octet-stream" }, GARBAGE.length);
      s.send(GARBAGE);
      s.end();
    }),
  },
  {
    name: "html",
    what: "200 with an HTML page",
    ...both((s) => s.reply(200, HTML, { "content-type": "text/html" })),
  },
  { name: "empty", what: "200 with an empty body", ...both((s) => s.reply(200, "")) },
  { name: "empty_object", what: "200 with `{}`", ...both((s) => s.reply(200, "{}")) },
  {
    name: "error_in_200",
    what: "200 with an error",
    ...both((s) => s.reply(200, s.isStream ? s.wire.failure : s.wire.refusal(500))),
  },
  {
    name: "no_content",
    what: "an end marker and nothing before it",
    stream: {
      expect: unavailable,
      play(s) {
        s.head();
        s.send(s.frames.end);
        s.end();
      },
    },
  },
  {
    name: "whole_for_stream",
    what: "a whole answer where a stream was asked for",
    stream: {
      expect: unavailable,
      play: (s) => s.reply(200, s.whole, { "content-type": "application/json" }),
    },
  },
  {
    name: "stream_for_whole",
    what: "a stream where a whole answer was asked for",
    whole: {
      // Without an end marker it cannot be told from one that broke off.
      expect: (wire) => (wire.lacks?.includes("end marker") === true ? unavailable : whole),
      play(s) {
        s.head(200, { "content-type": "text/event-stream" });
        s.send(s.frames.opening, ...s.frames.content, s.frames.finish, s.frames.usage, s.frames.end);
        s.end();
      },
    },
  },
  {
    name: "wrong_type",
    what: "the right body under a wrong content type",
    stream: {
      expect: whole,
      play(s) {
        s.head(200, { "content-type": "application/json" });
        s.send(s.frames.opening, ...s.frames.content, s.frames.finish, s.frames.usage, s.frames.end);
        s.end();
      },
    },
    whole: { expect: whole, play: (s) => s.reply(200, s.whole, { "content-type": "text/html" }) },
  },
  {
    name: "not_gzip",
    what: "says gzip and is none",
    ...both((s) => s.reply(200, s.whole, { "content-encoding": "gzip" })),
  },
  {
    name: "garbage_mid_stream",
    what: "a frame that is no JSON after some words",
    stream: inTheMiddle((s) => {
      s.send("data: {nonsense\n\n", ...s.frames.content.slice(SPOKEN), s.frames.finish, s.frames.end);
      s.end();
    }, failed(SPOKEN)),
  },
  {
    name: "error_mid_stream",
    what: "an error after some words",
    stream: inTheMiddle((s) => {
      s.send(s.wire.failure);
      s.end();
    }, failed(SPOKEN)),
  },
  {
    name: "giant_frame",
    what: "a frame of 5 MiB after some words",
    stream: inTheMiddle((s) => {
      s.send(`data: {"x":"${"x".repeat(GIANT)}"}\n\n`);
      s.end();
    }, failed(SPOKEN)),
  },
  {
    name: "bad_chunk",
    what: "a chunk whose length is no number",
    stream: inTheMiddle(async (s) => {
      // What arrives together with it may be lost with it.
      await s.read();
      s.raw(BAD_CHUNK);
      return s.close();
    }, truncated(SPOKEN)),
    whole: {
      expect: unavailable,
      play(s) {
        s.head();
        s.raw(BAD_CHUNK);
        return s.close();
      },
    },
  },
  {
    name: "too_long",
    what: "has more body to come than it sends",
    whole: {
      expect: tooSlow,
      play(s) {
        s.head(200, {}, Buffer.byteLength(s.whole) + 1_000);
        s.send(s.whole);
        return s.hang();
      },
    },
  },
];
