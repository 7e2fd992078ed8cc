/** What names the answer that a translating adapter writes. */
export interface AnswerNames {
  readonly id: string;
  /** Epoch seconds. */
  readonly created: number;
  /** The vendor's model, as it names itself. */
  readonly model: string;
}
