import type { JsonObject } from "../../core/generation.ts";
import type { Final, Started } from "../../gateway/gateway.ts";
import { Candidate, type ChoiceSaid } from "./candidate.ts";
import { toGeminiUsage } from "./usage.ts";

/** How the responses of one answer are named, each alike. */
export interface ResponseNames {
  readonly responseId: string;
  readonly modelVersion: string;
}

export const namesOf = ({
  requestId,
  vendorModel,
}: Pick<Started, "requestId" | "vendorModel">): ResponseNames => ({
  responseId: requestId.replace(/^req_/, ""),
  modelVersion: vendorModel,
});

/** Writes an answer as `GenerateContentResponse`s: chunks, of which the last one ends every candidate and tells the usage. */
export class ContentResponses {
  readonly #candidates: readonly Candidate[];
  readonly #finishes = new Map<number, string>();

  /** @param choices how many candidates were asked for; more are nobody's */
  constructor(
    readonly names: ResponseNames,
    choices: number,
    showsThoughts: boolean,
  ) {
    this.#candidates = Array.from({ length: choices }, (_, at) => new Candidate(at, showsThoughts));
  }

  /** Characters that are kept until the end. */
  get keptChars(): number {
    let sum = 0;
    for (const { keptChars } of this.#candidates) sum += keptChars;
    return sum;
  }

  /** A chunk; undefined when there is nothing to show yet. */
  write(said: readonly ChoiceSaid[]): JsonObject | undefined {
    for (const { choice, finish } of said) if (finish !== undefined) this.#finishes.set(choice, finish);
    const candidates: JsonObject[] = [];
    for (const candidate of this.#candidates) {
      const written = candidate.write(said);
      if (written !== undefined) candidates.push(written);
    }
    const { responseId, modelVersion } = this.names;
    return candidates.length === 0 ? undefined : { candidates, responseId, modelVersion };
  }

  /** The last chunk of a good end. */
  finish({ finishReason, usage }: Pick<Final, "finishReason" | "usage">): JsonObject {
    const candidates = this.#candidates.map((candidate) =>
      candidate.finish(this.#finishes.get(candidate.index) ?? finishReason),
    );
    return { candidates, usageMetadata: toGeminiUsage(usage), ...this.names };
  }
}
