import { systemClock } from "../core/clock.ts";
import { createFetchUpstream } from "./fetch-upstream.ts";
import { upstreamSuite } from "./upstream.suite.ts";
import { createUpstream } from "./upstream.ts";

upstreamSuite("connections of our own", () => createUpstream({ clock: systemClock }));
upstreamSuite("fetch", createFetchUpstream);
