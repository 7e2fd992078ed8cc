import { systemClock as clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { UpstreamKind } from "../core/upstream-choice.ts";
import { createFetchUpstream } from "../upstream/fetch-upstream.ts";
import { createUpstream, type Upstream } from "../upstream/upstream.ts";

/** What calls vendors, as the operator chose or the environment demands. */
export function openUpstream(kind: UpstreamKind, log: Log): Upstream {
  if (kind === "own") return createUpstream({ clock });
  if (kind === "proxied") log.info("vendors are called by fetch: the environment names a proxy");
  return createFetchUpstream();
}
