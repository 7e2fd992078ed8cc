/** Paths that other dialects have too: a client of Anthropic's says its version on every one. */
const SHARED = /^\/v1\/(?:models|streams)(?:\/|$)/;

/** True for a request in Anthropic's dialect. */
export function isAnthropic({ url, headers }: Request): boolean {
  const { pathname } = new URL(url);
  if (pathname === "/v1/messages" || pathname.startsWith("/v1/messages/")) return true;
  return SHARED.test(pathname) && headers.has("anthropic-version");
}
