import type { Transport, VendorAnswer } from "../adapters/adapter.ts";
import type { GenerationRequest } from "../core/generation.ts";
import type { Tariff } from "../core/price.ts";
import { type Attempt, isFailure, wasAborted } from "./attempt.ts";
import { type Embedded, joined, sendParts } from "./embedding-calls.ts";
import { type Metered, meter, NOTHING_DELIVERED, sumOf } from "./meter.ts";

/** What the calls of one attempt came to. */
export interface EmbeddingRun {
  readonly answer: VendorAnswer;
  readonly dropped: readonly string[] | undefined;
  /** What the vendor counted of the parts that it answered; undefined: it answered none. */
  readonly answered: Metered | undefined;
  /** That, and what it may have read of the parts that were called off. */
  readonly begun: Metered;
}

/**
 * Embeds a request's parts in calls of one attempt, which share its key, its signal and its clocks; only the first is
 * looked at for how far it is. Never rejects.
 */
export async function embedParts(
  attempt: Attempt,
  parts: readonly GenerationRequest[],
  network: Transport,
  tariff: Tariff,
): Promise<EmbeddingRun> {
  const unobserved: Transport = (call, signal) => network(call, signal);
  const { adapter } = attempt.route;
  let dropped: readonly string[] | undefined;
  const results = await sendParts(parts, async (part, index): Promise<Embedded> => {
    const opened = await attempt.open(part, undefined, index === 0 ? network : unobserved);
    if (!opened.ok) return { kind: "failed", failure: opened.failure };
    dropped ??= opened.call.dropped;
    const body = await attempt.readAll(opened.response);
    if (isFailure(body)) return { kind: "failed", failure: body };
    const answer = adapter.readAnswer(part, body, attempt.key.secret);
    return answer.ok ? { kind: "vectors", answer } : { kind: "failed", failure: answer.failure };
  });
  const answered: Metered[] = [];
  const calledOff: Metered[] = [];
  for (const [index, part] of parts.entries()) {
    const result = results.get(index);
    if (result?.kind === "vectors") {
      answered.push(meter(tariff, part, result.answer.usage, NOTHING_DELIVERED, "completed"));
    } else if (result !== undefined && wasAborted(result.failure)) {
      calledOff.push(meter(tariff, part, undefined, NOTHING_DELIVERED, "cancelled"));
    }
  }
  return {
    answer: joined(parts, results),
    dropped,
    answered: answered.length === 0 ? undefined : sumOf(answered, false),
    begun: sumOf([...answered, ...calledOff], true),
  };
}
