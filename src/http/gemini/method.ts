/** What can be called of a model. */
export const METHODS = [
  "generateContent",
  "streamGenerateContent",
  "embedContent",
  "batchEmbedContents",
  "countTokens",
] as const;
export type Method = (typeof METHODS)[number];

export interface ModelCall {
  readonly model: string;
  readonly method: Method;
}

/** Everything below is Gemini's. */
const OWN = "/v1beta/";
/** Of these only what calls a method is. */
const CALLS = "/v1/models/";
/** Paths that other dialects have too: a client of Google's says on every one what it is. */
const SHARED = /^\/v1\/(?:models|streams)(?:\/|$)/;

/**
 * `{model}:{method}`, as it stands behind `/models/`. Names of models may hold slashes and colons: the last colon is meant.
 * Undefined for what calls no method there is.
 */
export function callIn(rest: string): ModelCall | undefined {
  const colon = rest.lastIndexOf(":");
  const method = METHODS.find((name) => name === rest.slice(colon + 1));
  const model = decoded(rest.slice(0, Math.max(colon, 0)));
  return method === undefined || model === "" ? undefined : { model, method };
}

/** A name that is no proper percent-encoding is taken as it stands: no model is called so. */
export function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** True for a request in Gemini's dialect. */
export function isGemini({ url, headers }: Request): boolean {
  const { pathname } = new URL(url);
  if (pathname.startsWith(OWN)) return true;
  if (pathname.startsWith(CALLS) && callIn(pathname.slice(CALLS.length)) !== undefined) return true;
  return SHARED.test(pathname) && headers.has("x-goog-api-client");
}
