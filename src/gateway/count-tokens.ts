import type { Counting } from "../adapters/adapter.ts";
import type { CallSignal } from "../core/call-signal.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { likelyPromptTokens } from "../core/likely-tokens.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import { Attempt, isFailure } from "./attempt.ts";
import type { Caller, CountOptions, TokenCount } from "./gateway.ts";
import type { GeneratePorts } from "./generate.ts";
import { refused } from "./given-up.ts";
import { rank } from "./router.ts";
import type { Route } from "./routes.ts";

export type CountPorts = Pick<
  GeneratePorts,
  "clock" | "deadlines" | "network" | "admission" | "desk" | "routes"
>;

/** Nobody waits longer for a count: then it is estimated. */
const PATIENCE_MS = 5_000;
/** Vendors that are asked in turn. */
const MOST_ASKED = 2;

/**
 * Counts by the first candidate whose vendor does so for nothing. Where none does, or none answers in time, the count is
 * what a vendor that never tells its usage would be charged for: a token for four bytes, and so many for each image.
 * Nothing is charged or written down; limits on requests are taken from, those on tokens are not.
 * @throws SluiceError for an unknown model, a limit that is reached, and what a vendor refuses in the request itself
 */
export async function countTokens(
  ports: CountPorts,
  caller: Caller,
  request: GenerationRequest,
  { path, signal }: CountOptions,
): Promise<TokenCount> {
  const { ranked } = rank(ports.routes(), ports.desk.standingOf, caller, request, ports.clock.now());
  const candidates = ranked.map(({ route }) => route);
  const rates = await ports.admission.takeRates({ caller, request, candidates, path });
  const limit = rates.limit === undefined ? {} : { limit: rates.limit };
  try {
    const counting = candidates.flatMap((route) => {
      const { counting } = route.adapter;
      return counting === undefined ? [] : [{ route, counting }];
    });
    for (const { route, counting: how } of counting.slice(0, MOST_ASKED)) {
      const inputTokens = await askVendor(ports, request, route, how, signal);
      if (inputTokens === undefined) continue;
      const counted = { vendor: route.vendor.id, vendorModel: route.model };
      return { inputTokens, counted, ...limit };
    }
    return { inputTokens: likelyPromptTokens(request.promptTokens), ...limit };
  } finally {
    rates.release();
  }
}

/** Undefined: it did not count. How it went tells nothing of the vendor's answers, so nobody is blamed or praised. */
async function askVendor(
  { deadlines, desk, network }: CountPorts,
  request: GenerationRequest,
  route: Route,
  counting: Counting,
  signal: CallSignal | undefined,
): Promise<number | undefined> {
  const ticket = await desk.take(route, new Set());
  if (!ticket.ok) return undefined;
  const attempt = new Attempt(route, ticket.key, deadlines, false);
  attempt.limitTo(PATIENCE_MS);
  const leave = () => attempt.end("client");
  signal?.addEventListener("abort", leave, { once: true });
  try {
    const opened = await attempt.open(request, undefined, network, counting);
    if (!opened.ok) return orRefuse(opened.failure);
    const body = await attempt.readAll(opened.response);
    return isFailure(body) ? undefined : counting.readCount(body);
  } finally {
    signal?.removeEventListener("abort", leave);
    attempt.close();
    ticket.report({ ok: "unknown" });
    ticket.release();
  }
}

function orRefuse(failure: VendorFailure): undefined {
  if (failure.fault === "request") throw refused(failure);
}
