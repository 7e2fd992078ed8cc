/** How vendors are called: over connections of our own, or by the runtime's `fetch`. */
export const UPSTREAM_CHOICES = ["own", "fetch"] as const;
export type UpstreamChoice = (typeof UPSTREAM_CHOICES)[number];

/** `proxied`: by `fetch`, whatever was chosen, since the environment names a proxy and only `fetch` uses one. */
export type UpstreamKind = UpstreamChoice | "proxied";
