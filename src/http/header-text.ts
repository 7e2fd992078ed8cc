/** Printable ASCII. */
const PLAIN = /^[\x20-\x7e]*$/;

/**
 * A text as a header may carry it: what a header cannot hold is percent-encoded. Names of models may be in any
 * script, and names of request fields come from the client.
 */
export function headerText(text: string): string {
  if (PLAIN.test(text)) return text;
  return encodeURIComponent(text.toWellFormed());
}

/** Names in one header, as many as are worth reading. */
const MOST_NAMES = 30;
const MOST_NAME_CHARS = 100;

/** Names as one header: the first of them, each shortened, and how many more there are. */
export function headerList(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => headerText(name.slice(0, MOST_NAME_CHARS)));
  return names.length > MOST_NAMES ? `${shown.join(", ")}, +${names.length - MOST_NAMES}` : shown.join(", ");
}
