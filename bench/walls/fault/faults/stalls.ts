import { beforeEnd, CALLING, type Fault, firstHalf, tooSlow, truncated, unmarked, whole } from "../fault.ts";
import type { Stage } from "../stage.ts";

/** Silence, in each phase of an answer; and a byte a second, which is no silence. */
const SPOKEN = 3;
const HALF_A_HEAD = "HTTP/1.1 200 Said\r\ncontent-ty";

const both = (play: (stage: Stage) => Promise<void>) => ({
  stream: { play, expect: tooSlow },
  whole: { play, expect: tooSlow },
});

export const stalls: readonly Fault[] = [
  { name: "stall_at_once", what: "says nothing at all", ...both((s) => s.hang()) },
  {
    name: "stall_in_head",
    what: "falls silent in the middle of its headers",
    ...both((s) => {
      s.raw(HALF_A_HEAD);
      return s.hang();
    }),
  },
  {
    name: "stall_after_head",
    what: "falls silent after its headers",
    ...both((s) => {
      s.head();
      return s.hang();
    }),
  },
  {
    name: "stall_before_content",
    what: "falls silent before the first content",
    stream: {
      expect: tooSlow,
      play(s) {
        s.begin(0);
        return s.hang();
      },
    },
  },
  {
    name: "comments_for_ever",
    what: "sends comments and never a word",
    stream: {
      expect: tooSlow,
      async play(s) {
        s.begin(0);
        for (;;) {
          s.send(": still here\n\n");
          await s.pause(200);
        }
      },
    },
  },
  {
    name: "stall_mid_frame",
    what: "falls silent in the middle of a frame, or of the JSON",
    stream: {
      expect: truncated(SPOKEN),
      play(s) {
        s.begin(SPOKEN);
        s.send(firstHalf(s.frames.content[SPOKEN] ?? ""));
        return s.hang();
      },
    },
    whole: {
      expect: tooSlow,
      play(s) {
        s.head(200, {}, Buffer.byteLength(s.whole));
        s.send(firstHalf(s.whole));
        return s.hang();
      },
    },
  },
  {
    name: "stall_mid_tool_call",
    what: "falls silent in the middle of a tool call",
    needs: "pieces of calls",
    answer: CALLING,
    stream: {
      expect: truncated(SPOKEN, false),
      play(s) {
        s.begin(SPOKEN);
        return s.hang();
      },
    },
  },
  {
    name: "stall_before_usage",
    what: "falls silent after its finish reason",
    stream: {
      expect: beforeEnd((wire) => unmarked(wire.tellsUsageWithFinish ? "told" : "estimated")),
      play(s) {
        s.sayAll();
        s.send(s.frames.finish);
        return s.hang();
      },
    },
  },
  {
    name: "stall_before_end",
    what: "falls silent after usage",
    stream: {
      expect: beforeEnd(() => unmarked("told")),
      play(s) {
        s.sayAll();
        s.send(s.frames.finish, s.frames.usage);
        return s.hang();
      },
    },
  },
  {
    name: "stall_after_end",
    what: "says everything and never closes",
    needs: "end marker",
    stream: {
      expect: whole,
      play(s) {
        s.sayAll();
        s.send(s.frames.finish, s.frames.usage, s.frames.end);
        return s.hang();
      },
    },
  },
  {
    name: "drip",
    what: "a byte a second from the first word on",
    stream: {
      expect: truncated(SPOKEN),
      play(s) {
        s.begin(SPOKEN);
        return s.drip(s.frames.content[SPOKEN] ?? "");
      },
    },
    whole: {
      expect: tooSlow,
      play(s) {
        s.head();
        return s.drip(s.whole);
      },
    },
  },
];
