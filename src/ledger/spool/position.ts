/** A place between two records of a spool: everything before it is meant. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
  /** Of the next record. */
  readonly sequence: bigint;
}

export const START: Position = { segment: 1, offset: 0, sequence: 1n };
