/**
 * Carries what a node's spool holds into the ledger, by whatever way. Files of the spool go, and purses learn what was
 * booked, only when the ledger has committed it.
 */
export interface UsageCarrier {
  /** Records in the spool that the ledger does not have yet, INTENTs and notes included. */
  readonly lag: number;
  /** Why the last try failed; undefined while all is well. */
  readonly lastError: unknown;
  /** The spool grew: carries soon. */
  wake(): void;
  /**
   * Resolves when the ledger has everything that is in the spool now.
   * @throws Error after `timeoutMs`, or when the carrier was stopped
   */
  flush(timeoutMs: number): Promise<void>;
  /** Carries nothing more. What is in the spool stays there for the next start. */
  stop(): Promise<void>;
}
