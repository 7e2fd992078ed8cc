const COMPATIBLE = "/compatible-mode/v1";
const NATIVE = "/api/v1";

/**
 * Where DashScope's own protocol is spoken, which pictures, speech and most of rerank have alone, for a vendor whose base
 * URL may be that of the mode compatible with OpenAI: the same host, and what a proxy put before the path.
 */
export function nativeBase(baseUrl: string): string {
  if (baseUrl.endsWith(NATIVE)) return baseUrl;
  for (const other of [COMPATIBLE, "/v1"]) {
    if (baseUrl.endsWith(other)) return baseUrl.slice(0, -other.length) + NATIVE;
  }
  return baseUrl + NATIVE;
}
