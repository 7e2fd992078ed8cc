/** What a model takes, told by its name: "claude-opus-4-8", "claude-sonnet-4-5-20250929", "claude-3-7-sonnet". */
export interface Traits {
  /** `manual`: a budget of tokens. `adaptive`: the model decides, guided by an effort. */
  readonly thinking: "none" | "manual" | "adaptive";
  /** Thinks unless it is told not to. */
  readonly thinksUnasked: boolean;
  /** Cannot be told not to think. */
  readonly alwaysThinks: boolean;
  /** Takes `temperature`, `top_p` and `top_k`; the others refuse all but their defaults. */
  readonly takesSampling: boolean;
  /** Can be made to call a tool. */
  readonly forcesTools: boolean;
  /** Takes JSON schemas that answers and tool calls must keep to. */
  readonly takesSchemas: boolean;
  /** Goes on with an assistant message that stands last. */
  readonly continuesAnswers: boolean;
  /** The effort between `high` and `max`. */
  readonly takesExtraHigh: boolean;
}

/** A name that says nothing is taken for the newest line: a field left out is better than a request refused. */
const NEWEST = Number.POSITIVE_INFINITY;

/** Sources: Anthropic's pages on extended and adaptive thinking, effort and structured outputs (2026). */
export function traitsOf(model: string): Traits {
  const version = versionOf(model);
  const alwaysThinks = /claude-fable/.test(model) || (/claude-opus/.test(model) && version >= 505);
  return {
    thinking: version < 307 ? "none" : version < 406 ? "manual" : "adaptive",
    thinksUnasked: alwaysThinks || version >= 500,
    alwaysThinks,
    takesSampling: version < 407,
    forcesTools: !alwaysThinks && version < 505,
    takesSchemas: version >= 405,
    continuesAnswers: version < 406,
    takesExtraHigh: version >= 407,
  };
}

/** 4.8 is 408. A date at the end of a name is no minor number. */
function versionOf(model: string): number {
  const found = /claude-(?:[a-z]+-)?(\d{1,2})(?:-(\d{1,2})(?!\d))?(?!\d)/.exec(model);
  return found === null ? NEWEST : Number(found[1]) * 100 + Number(found[2] ?? 0);
}
