import type { JsonObject } from "../../core/generation.ts";
import type { Final, Started } from "../../gateway/gateway.ts";
import type { Piece } from "../openai/responses/piece.ts";
import { Candidate } from "./candidate.ts";
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

/** What one choice said, and why it ended if it did. */
export interface ChoiceSaid {
  readonly choice: number;
  readonly pieces: readonly Piece[];
  readonly finish?: string;
}

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
    return this.#candidates.reduce((sum, { keptChars }) => sum + keptChars, 0);
  }

  /** A chunk; undefined when there is nothing to show yet. */
  write(said: readonly ChoiceSaid[]): JsonObject | undefined {
    for (const { choice, finish } of said) if (finish !== undefined) this.#finishes.set(choice, finish);
    const candidates = this.#candidates.flatMap((candidate) => {
      const pieces = said.flatMap(({ choice, pieces: own }) => (choice === candidate.index ? own : []));
      return candidate.write(pieces) ?? [];
    });
    return candidates.length === 0 ? undefined : { candidates, ...this.names };
  }

  /** The last chunk of a good end. */
  finish({ finishReason, usage }: Pick<Final, "finishReason" | "usage">): JsonObject {
    const candidates = this.#candidates.map((candidate) =>
      candidate.finish(this.#finishes.get(candidate.index) ?? finishReason),
    );
    return { candidates, usageMetadata: toGeminiUsage(usage), ...this.names };
  }
}
