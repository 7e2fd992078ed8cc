/** What of a request in a vendor's own dialect cannot be said in a chat: who else serves does without it. */
export class Losses {
  /** Named when a vendor of another dialect serves, as `x-sluice-dropped`. */
  readonly dropped = new Set<string>();
  /** The first of what nothing may be left out of: only a vendor of the dialect can serve. */
  only: { readonly param: string; readonly message: string } | undefined;

  /** @param owner whose dialect it is, for messages */
  constructor(readonly owner: string) {}

  /** A wish without which the answer still is one. */
  drop(field: string): void {
    this.dropped.add(field);
  }

  /** @param why as it stands behind a colon */
  needOwn(param: string, why: string): void {
    this.only ??= { param, message: `'${param}' is understood by ${this.owner}'s models only: ${why}.` };
  }
}
