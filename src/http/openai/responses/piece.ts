import type { JsonObject } from "../../../core/generation.ts";

/** A piece of an answer as it comes, whatever it is read from. */
export type Piece =
  | SpokenPiece
  | { readonly kind: "reasoning"; readonly text: string }
  | CallPiece
  /** Fields of the message that the vendor wants back in the next turn, such as signatures of thoughts. */
  | { readonly kind: "carried"; readonly fields: JsonObject };

export interface SpokenPiece {
  readonly kind: "text" | "refusal";
  readonly text: string;
  readonly logprobs?: readonly unknown[];
}

export interface CallPiece {
  readonly kind: "call";
  /** Position among the parallel calls. */
  readonly call: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments: string;
  /** Fields of the call that the vendor wants back. */
  readonly fields?: JsonObject;
}
