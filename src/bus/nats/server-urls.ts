import type { NodeConnectionOptions } from "@nats-io/transport-node";

type Servers = Pick<NodeConnectionOptions, "servers" | "user" | "pass" | "token" | "tls">;

/** The client's options for a list of URLs: who we are stands in the first one that says so, `tls://` in any asks for TLS. */
export function serversOf(urls: readonly string[]): Servers {
  const parsed = urls.map((url) => new URL(url.includes("://") ? url : `nats://${url}`));
  const who = parsed.find(({ username }) => username !== "");
  const servers = parsed.map(({ host }) => host);
  const tls = parsed.some(({ protocol }) => protocol === "tls:") ? { tls: {} } : {};
  if (who === undefined) return { servers, ...tls };
  const user = decodeURIComponent(who.username);
  if (who.password === "") return { servers, token: user, ...tls };
  return { servers, user, pass: decodeURIComponent(who.password), ...tls };
}
