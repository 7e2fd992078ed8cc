import { CALL, PRICE, SECOND_TOLD, SECOND_WORDS, TOLD, textOf, WORDS } from "./answers.ts";
import type { Case } from "./cases.ts";
import type { End } from "./dialects/dialect.ts";
import {
  type Broken,
  type Either,
  type Expectation,
  type Refused,
  type Unmarked,
  USUAL,
  type Whole,
} from "./fault.ts";

/** What must be seen of one case, on the client's side and in the books. Amounts are micropoints. */
export interface Expected {
  readonly status: number;
  readonly end: End;
  /** In the dialect's own word. */
  readonly error: string | undefined;
  readonly text: string;
  readonly outcome: "completed" | "truncated" | "failed";
  readonly cost: bigint;
  /** Who bears it. */
  readonly payer: "client" | "platform";
  /** Vendors that were called. */
  readonly attempts: number;
}

/** Tokens of an answer, as they are charged. */
interface Consumed {
  readonly input: number;
  readonly output: number;
}

const CHARS_A_TOKEN = 4;
/** More tokens than the wall's questions can be counted as. */
const LONGEST_PROMPT = 1_000_000;
/** A prompt of which nobody told is charged as a token for so many bytes, each half rounded up: see ARCHITECTURE, Money. */
const likelyPrompt = (bytes: number): number => Math.ceil(Math.ceil(bytes / 2) / 2);

const costOf = ({ input, output }: Consumed): bigint =>
  BigInt(input) * BigInt(PRICE.input) + BigInt(output) * BigInt(PRICE.output);

export function expectationOf({ fault, mode, wire }: Case): Expectation {
  const side = fault[mode];
  if (side === undefined) throw new Error(`${fault.name} does not happen to a ${mode}`);
  return typeof side.expect === "function" ? side.expect(wire) : side.expect;
}

/**
 * What may be seen: mostly one thing.
 * @param bytes of the request, from which a prompt is estimated
 */
export function expectedOf(one: Case, bytes: number): readonly Expected[] {
  const expectation = expectationOf(one);
  const all = expectation.kind === "either" ? expectation.of : [expectation];
  return all.map((each) => expectedFor(one, each, bytes));
}

function expectedFor(one: Case, expectation: Exclude<Expectation, Either>, bytes: number): Expected {
  switch (expectation.kind) {
    case "refused":
      return refused(one, expectation);
    case "whole":
      return whole(one, expectation, bytes);
    case "broken":
      return broken(one, expectation, bytes);
    case "unmarked":
      return unmarked(one, expectation, bytes);
  }
}

const SERVED = {
  status: 200,
  end: "whole",
  error: undefined,
  outcome: "completed",
  payer: "client",
} as const;
const BY_SECOND = costOf({ input: SECOND_TOLD.prompt, output: SECOND_TOLD.completion });

function refused({ dialect, hasSecond }: Case, { code, status, isFinal = false }: Refused): Expected {
  if (hasSecond && !isFinal) return { ...SERVED, text: textOf(SECOND_WORDS), cost: BY_SECOND, attempts: 2 };
  const failed = { outcome: "failed", payer: "platform", cost: 0n, attempts: 1 } as const;
  return { status, end: "refused", error: dialect.wordFor(code), text: "", ...failed };
}

function whole(one: Case, { usage }: Whole, bytes: number): Expected {
  const { words, call } = one.fault.answer ?? USUAL;
  return {
    ...SERVED,
    text: textOf(call ?? words),
    cost: costOf(usage === "told" ? toldBy(one) : likely(one, WORDS.length, bytes, usage === "doubted")),
    attempts: 1,
  };
}

function unmarked(one: Case, { usage }: Unmarked, bytes: number): Expected {
  const served = whole(one, { kind: "whole", usage }, bytes);
  if (one.hasSecond) return served;
  const error = one.dialect.wordFor("stream_truncated");
  return { ...served, end: "broken", error, outcome: "truncated" };
}

function broken(one: Case, { outcome, code, delivered, isTakeable }: Broken, bytes: number): Expected {
  const { fault, dialect, hasSecond } = one;
  const { words, call } = fault.answer ?? USUAL;
  // The first piece of a call is its name.
  const ofCall = dialect.hasWholeCalls === true ? [] : CALL.slice(0, delivered - 1);
  const text = textOf(call === undefined ? words.slice(0, delivered) : ofCall);
  const cost = costOf(likely(one, delivered, bytes));
  if (hasSecond && isTakeable)
    return { ...SERVED, text: text + textOf(SECOND_WORDS), cost: cost + BY_SECOND, attempts: 2 };
  return {
    status: 200,
    end: "broken",
    error: dialect.wordFor(code),
    text,
    outcome,
    cost,
    payer: outcome === "failed" ? "platform" : "client",
    attempts: 1,
  };
}

/** Whether a prompt of that many tokens can be meant here. */
const isMeant = (prompt: unknown): boolean =>
  Number.isSafeInteger(prompt) && Number(prompt) >= 0 && Number(prompt) <= LONGEST_PROMPT;

const toldBy = ({ fault }: Case): Consumed => ({
  input: TOLD.prompt,
  output: Number((fault.answer ?? USUAL).usage.at(-1)?.completion),
});

/** By what was delivered: a frame is a token in a stream; of a whole answer there are only characters to go by. */
function likely({ fault, mode, wire }: Case, frames: number, bytes: number, isDoubted = false): Consumed {
  const { words, usage } = fault.answer ?? USUAL;
  if (mode === "whole") {
    return { input: likelyPrompt(bytes), output: Math.ceil(textOf(words).length / CHARS_A_TOKEN) };
  }
  const prompt = usage[0]?.prompt;
  // What a stream told at its beginning holds, if it can be meant; what came later is added.
  const isTold = wire.tellsPromptFirst && isMeant(prompt);
  return isTold
    ? { input: Number(prompt), output: (isDoubted ? 0 : 1) + frames }
    : { input: likelyPrompt(bytes), output: frames };
}
