import type { JsonObject } from "../../core/generation.ts";
import { unsupported } from "../failure/unsupported.ts";
import { listOf, numberOf } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";

/** Google's API reference (its SDK's types and documentation). */
const MOST_CANDIDATES = 8;
const MOST_STOPS = 5;
const INT32 = 2 ** 31;
/** Penalties are taken from −2 up to, but not including, 2. */
const HIGHEST_PENALTY = 1.99;

/**
 * The client's sampling, stops and choices as fields of `generationConfig`; takes them out of the draft.
 * @throws SluiceError `unsupported_parameter` for more choices than Gemini gives
 */
export function samplingOf(draft: RequestDraft): JsonObject {
  const take = (name: string): unknown => {
    const value = draft.get(name);
    draft.remove(name);
    return value;
  };
  const fields: Record<string, unknown> = {};
  const set = (name: string, value: unknown): void => {
    if (value !== undefined) fields[name] = value;
  };
  set("temperature", take("temperature"));
  set("topP", take("top_p"));
  set("topK", take("top_k"));
  set("candidateCount", choicesIn(take("n")));
  set("stopSequences", stopsIn(take("stop"), draft.note));
  set("seed", seedIn(take("seed"), draft.note));
  for (const name of ["presence_penalty", "frequency_penalty"] as const) {
    set(PENALTIES[name], penaltyIn(name, take(name), draft.note));
  }
  const top = numberOf(take("top_logprobs"));
  if (take("logprobs") === true) {
    set("responseLogprobs", true);
    set("logprobs", top);
  }
  return fields;
}

const PENALTIES = { presence_penalty: "presencePenalty", frequency_penalty: "frequencyPenalty" } as const;

function choicesIn(value: unknown): number | undefined {
  const choices = numberOf(value);
  if (choices !== undefined && choices > MOST_CANDIDATES) {
    throw unsupported("n", `Gemini gives at most ${MOST_CANDIDATES} answers to a request.`);
  }
  return choices === 1 ? undefined : choices;
}

function stopsIn(value: unknown, note: (part: string) => void): readonly unknown[] | undefined {
  const all = (typeof value === "string" ? [value] : listOf(value)).filter((one) => one !== "");
  if (all.length > MOST_STOPS) note("stop");
  return all.length === 0 ? undefined : all.slice(0, MOST_STOPS);
}

function seedIn(value: unknown, note: (part: string) => void): number | undefined {
  const seed = numberOf(value);
  if (seed === undefined || (seed >= -INT32 && seed < INT32)) return seed;
  note("seed");
  return undefined;
}

/** None at all is left out: some models refuse the very field. */
function penaltyIn(name: string, value: unknown, note: (part: string) => void): number | undefined {
  const penalty = numberOf(value);
  if (penalty === undefined || penalty === 0) return undefined;
  if (penalty <= HIGHEST_PENALTY) return penalty;
  note(name);
  return HIGHEST_PENALTY;
}
