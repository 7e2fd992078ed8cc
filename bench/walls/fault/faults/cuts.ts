import { WORDS } from "../answers.ts";
import {
  beforeEnd,
  CALLING,
  type Fault,
  firstHalf,
  truncated,
  unavailable,
  unmarked,
  untilInside,
} from "../fault.ts";
import type { Stage } from "../stage.ts";

/** Connections that end too early. Words went out up to the third; the fourth is where it happens. */
const SPOKEN = 3;
const HALF_A_HEAD = "HTTP/1.1 200 Said\r\ncontent-ty";

const both = (play: (stage: Stage) => Promise<void> | void, expect = unavailable) => ({
  stream: { play, expect },
  whole: { play, expect },
});

export const cuts: readonly Fault[] = [
  { name: "no_answer", what: "closes without a byte", ...both((s) => s.close()) },
  { name: "reset_at_once", what: "resets the connection at once", ...both((s) => s.close("reset")) },
  {
    name: "cut_in_head",
    what: "closes in the middle of its headers",
    ...both((s) => {
      s.raw(HALF_A_HEAD);
      return s.close();
    }),
  },
  {
    name: "cut_after_head",
    what: "closes after its headers",
    ...both((s) => {
      s.head();
      return s.close();
    }),
  },
  {
    name: "cut_before_content",
    what: "closes before the first content",
    stream: {
      expect: unavailable,
      play(s) {
        s.begin(0);
        return s.close();
      },
    },
  },
  {
    name: "cut_mid_frame",
    what: "closes in the middle of a frame, or of the JSON",
    stream: {
      expect: truncated(SPOKEN),
      play(s) {
        s.begin(SPOKEN);
        s.send(firstHalf(s.frames.content[SPOKEN] ?? ""));
        return s.close();
      },
    },
    whole: {
      expect: unavailable,
      play(s) {
        s.head(200, {}, Buffer.byteLength(s.whole));
        s.send(firstHalf(s.whole));
        return s.close();
      },
    },
  },
  {
    name: "cut_mid_character",
    what: "closes in the middle of a character",
    stream: {
      expect: truncated(SPOKEN),
      play(s) {
        s.begin(SPOKEN);
        s.send(untilInside(s.frames.content[SPOKEN] ?? "", "🌊"));
        return s.close();
      },
    },
    whole: {
      expect: unavailable,
      play(s) {
        s.head();
        s.send(untilInside(s.whole, "🌊"));
        return s.close();
      },
    },
  },
  {
    name: "cut_mid_tool_call",
    what: "closes in the middle of a tool call",
    needs: "pieces of calls",
    answer: CALLING,
    stream: {
      expect: truncated(SPOKEN, false),
      play(s) {
        s.begin(SPOKEN);
        return s.close();
      },
    },
    whole: {
      expect: unavailable,
      play(s) {
        s.head();
        s.send(untilInside(s.whole, "12"));
        return s.close();
      },
    },
  },
  {
    name: "reset_mid_stream",
    what: "resets the connection after some words",
    stream: {
      expect: truncated(SPOKEN),
      play(s) {
        s.begin(SPOKEN);
        return s.close("reset");
      },
    },
  },
  {
    name: "ends_in_the_middle",
    what: "ends well as HTTP goes, but after some words; or the JSON is half",
    stream: {
      expect: truncated(SPOKEN),
      play(s) {
        s.begin(SPOKEN);
        s.end();
      },
    },
    whole: {
      expect: unavailable,
      play: (s) => s.reply(200, s.whole.slice(0, s.whole.length >> 1)),
    },
  },
  {
    name: "cut_before_finish",
    what: "closes after the last word, before it says why it ends",
    stream: {
      expect: truncated(WORDS.length),
      play(s) {
        s.sayAll();
        return s.close();
      },
    },
  },
  {
    name: "cut_before_usage",
    what: "closes after its finish reason, before usage",
    stream: {
      // Where both are one frame, only its end is missing.
      expect: beforeEnd((wire) => unmarked(wire.tellsUsageWithFinish ? "told" : "estimated")),
      play(s) {
        s.sayAll();
        s.send(s.frames.finish);
        return s.close();
      },
    },
  },
  {
    name: "cut_before_end",
    what: "closes after usage, before its end marker",
    stream: {
      expect: beforeEnd(() => unmarked("told")),
      play(s) {
        s.sayAll();
        s.send(s.frames.finish, s.frames.usage);
        return s.close();
      },
    },
  },
  {
    name: "no_end",
    what: "has no end marker, though HTTP ends well",
    needs: "end marker",
    stream: {
      expect: beforeEnd(() => unmarked("told")),
      play(s) {
        s.sayAll();
        s.send(s.frames.finish, s.frames.usage);
        s.end();
      },
    },
  },
];
