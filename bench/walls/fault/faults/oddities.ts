import { CALLING, type Expectation, eitherOf, type Fault, type Side, unavailable, whole } from "../fault.ts";
import type { Stage } from "../stage.ts";
import { sayWhole } from "./usage.ts";

/** What is unusual, and right all the same; and an answer with nothing wrong, to hold the others against. */
const asBoth = (play: Side["play"], expect: Expectation = whole) => ({
  stream: { play, expect },
  whole: { play, expect },
});

const everything = (s: Stage): string =>
  [s.frames.opening, ...s.frames.content, s.frames.finish, s.frames.usage, s.frames.end].join("");

/**
 * Answers a connection's first request, and hangs up on the next. Whether it read that one nobody can tell: a gateway
 * may ask again on another connection, or take it for a failure.
 */
const servedOrRefused = eitherOf(whole, unavailable);

const onceAConnection =
  (how: "close" | "reset"): Side["play"] =>
  (s) =>
    s.out.turn > 1 ? s.out.close(how) : sayWhole(s);

export const oddities: readonly Fault[] = [
  { name: "nothing", what: "nothing is wrong", ...asBoth(sayWhole) },
  { name: "tool_call", what: "nothing is wrong with a tool call", answer: CALLING, ...asBoth(sayWhole) },
  {
    name: "bytes",
    what: "each byte by itself",
    ...asBoth(async (s) => {
      s.head();
      for (const byte of Buffer.from(s.isStream ? everything(s) : s.whole)) {
        s.send(Uint8Array.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      s.end();
    }),
  },
  {
    name: "crlf",
    what: "lines that end with CR LF, comments between",
    stream: {
      expect: whole,
      play(s) {
        s.head();
        s.send(`: hello\r\n\r\n${everything(s).replaceAll("\n", "\r\n")}`);
        s.end();
      },
    },
  },
  {
    name: "two_ends",
    what: "two end markers",
    needs: "end marker",
    stream: {
      expect: whole,
      play(s) {
        s.head();
        s.send(everything(s), s.frames.end);
        s.end();
      },
    },
  },
  {
    name: "words_after_end",
    what: "goes on talking after its end marker",
    needs: "end marker",
    stream: {
      expect: whole,
      play(s) {
        s.head();
        s.send(everything(s), ...s.frames.content, s.frames.finish, s.frames.end);
        s.end();
      },
    },
  },
  {
    name: "no_last_line",
    what: "an end marker without the empty line after it",
    needs: "end marker",
    stream: {
      expect: whole,
      play(s) {
        s.head();
        s.send(everything(s).trimEnd());
        s.end();
      },
    },
  },
  {
    name: "closes_after",
    what: "closes after each answer",
    ...asBoth((s) => {
      s.head(200, { connection: "close" });
      s.send(s.isStream ? everything(s) : s.whole);
      s.raw("0\r\n\r\n");
      return s.close();
    }),
  },
  {
    name: "until_close",
    what: "a body that ends with its connection",
    ...asBoth((s) => {
      s.raw(
        `HTTP/1.1 200 OK\r\ncontent-type: ${s.isStream ? "text/event-stream" : "application/json"}\r\n\r\n`,
      );
      s.raw(s.isStream ? everything(s) : s.whole);
      return s.close();
    }),
  },
  {
    name: "closes_on_reuse",
    what: "closes a connection that is used again",
    rounds: 3,
    ...asBoth(onceAConnection("close"), servedOrRefused),
  },
  {
    name: "resets_on_reuse",
    what: "resets a connection that is used again",
    rounds: 3,
    ...asBoth(onceAConnection("reset"), servedOrRefused),
  },
  {
    name: "interim",
    what: "103 before the answer",
    ...asBoth((s) => {
      s.raw("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
      return sayWhole(s);
    }),
  },
  {
    name: "switching",
    what: "101 in place of an answer",
    stream: { expect: unavailable, play: switching },
    whole: { expect: unavailable, play: switching },
  },
];

function switching(s: Stage): Promise<void> {
  s.raw("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  return s.close();
}
