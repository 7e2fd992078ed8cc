import type { Expectation, Whole } from "./fault.ts";

/** What must come of a fault, in the words of the table. */
export function describeExpected(expectation: Expectation, hasSecond: boolean): string {
  switch (expectation.kind) {
    case "refused":
      return hasSecond && expectation.isFinal !== true
        ? "the second's answer, at its price"
        : `${expectation.status} \`${expectation.code}\`, free`;
    case "whole":
      return `whole, ${charge(expectation.usage)}`;
    case "unmarked":
      return hasSecond
        ? `whole, ${charge(expectation.usage)}`
        : `\`stream_truncated\`, ${charge(expectation.usage)}`;
    case "broken": {
      const { isTakeable, outcome, code, delivered } = expectation;
      if (hasSecond && isTakeable) return "the second goes on, both parts charged";
      return `\`${code}\`, ${outcome === "failed" ? "free" : `${delivered} tokens charged`}`;
    }
    case "either":
      return expectation.of.map((each) => describeExpected(each, hasSecond)).join(" or ");
  }
}

const charge = (usage: Whole["usage"]): string => (usage === "told" ? "as told" : "estimated");
