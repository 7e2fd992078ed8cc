import { TOLD } from "../answers.ts";
import { doubted, estimated, type Fault, telling, type Whole, whole } from "../fault.ts";
import type { Stage } from "../stage.ts";
import type { Told } from "../wires/wire.ts";

/** The answer is whole; what is told of its usage is not what it should be. */
export function sayWhole(s: Stage): void {
  if (s.isStream) {
    s.sayAll();
    s.send(s.frames.finish, s.frames.usage, s.frames.end);
    s.end();
  } else s.reply(200, s.whole);
}

const counting = (name: string, what: string, usage: readonly Told[], expect: Whole = estimated): Fault => {
  const side = { play: sayWhole, expect };
  return {
    name: `usage_${name}`,
    what: `usage ${what}`,
    answer: telling(...usage),
    stream: side,
    whole: side,
  };
};

const { prompt, completion } = TOLD;
/** More than anybody has (8,000 points), and than any request can have: the product does not believe it. */
const FORTUNE = 1_000_000_000;

export const usages: readonly Fault[] = [
  counting("missing", "never told", []),
  counting("twice", "told twice", [TOLD, TOLD], whole),
  counting("growing", "told twice, the second time for good", [{ prompt, completion: 3 }, TOLD], whole),
  counting("negative", "below zero", [{ prompt: -prompt, completion: -completion }]),
  counting("zero", "all zero", [{ prompt: 0, completion: 0 }]),
  counting("fraction", "in fractions", [{ prompt: 10.5, completion: 3.25 }]),
  counting("text", "in words", [{ prompt: "many", completion: "more" }]),
  counting("null", "null", [{ prompt: null, completion: null }]),
  counting("impossible", "beyond anything that can be", [{ prompt, completion: 9e15 }]),
  counting("fortune", "of a thousand million tokens", [{ prompt, completion: FORTUNE }], doubted),
  counting("prompt", "of a prompt of a thousand million tokens", [{ prompt: FORTUNE, completion }]),
];
