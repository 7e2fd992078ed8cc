/**
 * A replicated log in which each subject has one writer at a time: a message is taken only after the one that its
 * writer knows as the last. Whoever appends first is the writer from there on; all others find themselves refused.
 * What is in it ends by itself after a while.
 */
export interface SubjectLog {
  /** Longest message that it takes, in bytes. */
  readonly maxBytes: number;
  /**
   * @param after number of the subject's last message; 0: it has none
   * @returns the message's number, or undefined when another message is the last. A rejection leaves open whether it was taken.
   */
  append(subject: string, message: Uint8Array, after: number): Promise<number | undefined>;
  /** The newest message, as the log's leader has it. */
  last(subject: string): Promise<LogMessage | undefined>;
  /** The first message behind that number. */
  next(subject: string, after: number): Promise<LogMessage | undefined>;
}

export interface LogMessage {
  /** Grows with each message of a subject, not by one. */
  readonly number: number;
  readonly message: Uint8Array;
}
