/** What a model takes, told by its name: "gemini-3.1-pro-preview", "gemini-2.5-flash-lite". */
export interface Traits {
  /** `budget`: a number of tokens. `level`: one of four words. */
  readonly thinking: "none" | "budget" | "level";
  /** Can be told not to think. */
  readonly canRest: boolean;
  /** The least that it thinks, where it cannot rest. */
  readonly leastLevel: "MINIMAL" | "LOW";
  /** Refuses calls that come back without the signature of the thought behind them. */
  readonly demandsSignatures: boolean;
  /** Keeps to a JSON form while tools are offered; others refuse the two together. */
  readonly formatsBesideTools: boolean;
}

/** A name that says nothing (`gemini-flash-latest`) is taken for the newest line. */
const NEWEST = Number.POSITIVE_INFINITY;

/** Sources: Google's pages on thinking, thought signatures and structured output (2026), and its compatible layer's table. */
export function traitsOf(model: string): Traits {
  const version = versionOf(model);
  const isPro = /-pro\b/.test(model);
  const isThird = version >= 300;
  return {
    thinking: isThird ? "level" : version >= 205 ? "budget" : "none",
    canRest: !isThird && !isPro,
    leastLevel: isPro ? "LOW" : "MINIMAL",
    demandsSignatures: isThird,
    formatsBesideTools: isThird,
  };
}

/** 3.1 is 301. */
function versionOf(model: string): number {
  const found = /gemini-(\d{1,2})(?:\.(\d{1,2}))?(?![\d.])/.exec(model);
  return found === null ? NEWEST : Number(found[1]) * 100 + Number(found[2] ?? 0);
}
