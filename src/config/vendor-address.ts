import type { AdapterName } from "../core/catalog.ts";

/** Where Alibaba Cloud serves Model Studio; elsewhere a proxy or a test may have any path. */
const ALIBABA = /(?:^|\.)aliyuncs\.com$/;
/** OpenAI's dialect; DashScope's own protocol (docs: the two chat references of Model Studio). */
const QWEN_PATHS = ["/compatible-mode/v1", "/api/v1"];

/** Why nothing can be asked for at a vendor's base URL, where its path says which protocol is spoken. */
export function addressProblem(adapter: AdapterName, baseUrl: string | undefined): string | undefined {
  if (adapter !== "qwen" || baseUrl === undefined || !URL.canParse(baseUrl)) return undefined;
  const { hostname, pathname } = new URL(baseUrl);
  if (!ALIBABA.test(hostname)) return undefined;
  const path = pathname.replace(/\/+$/, "");
  if (QWEN_PATHS.some((end) => path.endsWith(end))) return undefined;
  if (path === "/v1" && hostname.startsWith("coding")) return undefined;
  return "must end with /compatible-mode/v1 (OpenAI's dialect) or /api/v1 (DashScope's own protocol)";
}
