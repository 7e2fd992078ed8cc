/** What of a request cannot be said in a chat: who else than Anthropic serves does without it. */
export class Losses {
  /** Named when a vendor of another dialect serves, as `x-sluice-dropped`. */
  readonly dropped = new Set<string>();
  /** The first of what nothing may be left out of: only a vendor of Anthropic's dialect can serve. */
  only: { readonly param: string; readonly message: string } | undefined;

  /** A wish without which the answer still is one. */
  drop(field: string): void {
    this.dropped.add(field);
  }

  /** @param why as it stands behind a colon */
  needAnthropic(param: string, why: string): void {
    this.only ??= { param, message: `'${param}' is understood by Anthropic's models only: ${why}.` };
  }
}
