import { abortSignalOf } from "../core/call-signal.ts";
import type { Upstream } from "./upstream.ts";

/** Calls vendors by `fetch`, for what only it can: a proxy on the way (`HTTPS_PROXY`), compressed answers. */
export function createFetchUpstream(): Upstream {
  return {
    call: ({ url, method, headers, body }, signal) =>
      fetch(url, {
        method,
        headers,
        signal: abortSignalOf(signal),
        redirect: "manual",
        keepalive: true,
        ...(method === "GET" ? {} : { body }),
      }),
    stats: () => undefined,
    close() {},
  };
}
