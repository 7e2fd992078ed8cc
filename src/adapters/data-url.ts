/** What a base64 `data:` URL holds. */
export interface DataUrl {
  /** In lower case, without parameters. */
  readonly mediaType: string;
  readonly base64: string;
}

/** Undefined for any other text. */
export function readDataUrl(url: string): DataUrl | undefined {
  const comma = url.indexOf(",");
  const head = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w=.+-]+)*;base64$/i.exec(url.slice(0, Math.max(0, comma)));
  const type = head?.[1]?.toLowerCase();
  if (type === undefined) return undefined;
  return { mediaType: type === "image/jpg" ? "image/jpeg" : type, base64: url.slice(comma + 1) };
}
