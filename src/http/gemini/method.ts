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

/** Everything below the first is Gemini's; below the second only calls of methods are. */
const OWN = "/v1beta/";
const SHARED = "/v1/models/";

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
export function isGemini({ url }: Request): boolean {
  const { pathname } = new URL(url);
  if (pathname.startsWith(OWN)) return true;
  return pathname.startsWith(SHARED) && callIn(pathname.slice(SHARED.length)) !== undefined;
}
