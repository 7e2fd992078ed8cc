import type {
  Observation,
  QuotaLeases,
  QuotaTaken,
  RateDenied,
  RateLeases,
  RateScope,
  VendorHealth,
  VendorView,
} from "../actors/leases/leases.ts";
import type { VendorKey, VendorSpec } from "../core/catalog.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { Standing, StandingOf } from "./router.ts";
import type { Route } from "./routes.ts";

/** What the gateway asks about vendors: may one more call go there, with which key, and how did it go. */
export interface VendorDesk {
  readonly standingOf: StandingOf;
  /** A place among the vendor's rate, slots and quota and a usable key, not one of `tried`. */
  take(route: Route, tried: ReadonlySet<string>): Ticket | NoTicket | Promise<Ticket | NoTicket>;
}

/** The right to one call. `report` says what it showed (the first word counts), `release` that it is over. */
export interface Ticket {
  readonly ok: true;
  readonly key: VendorKey;
  report(observation: Observation): void;
  release(): void;
}

/** Why there is no call at the moment; the next candidate may have one. */
export interface NoTicket {
  readonly ok: false;
  readonly failure: VendorFailure;
}

export interface DeskPorts {
  readonly health: VendorHealth;
  readonly rates: Pick<RateLeases, "take">;
  readonly quotas: QuotaLeases;
}

/** Keys take turns by weight; the turn is per vendor specification, so a reload starts anew. */
type Turns = WeakMap<VendorSpec, Map<string, number>>;

export function createVendorDesk(ports: DeskPorts): VendorDesk {
  const turns: Turns = new WeakMap();
  return {
    standingOf: (route) => standing(ports.health, route),
    take(route, tried) {
      const { vendor } = route;
      const key = nextKey(ports.health, turns, vendor, tried);
      if (key === undefined) return refusal(vendor, "no_usable_key", "has no usable key at the moment");
      if (!isLimited(vendor)) return begin(ports, vendor, key, NOTHING_TAKEN);
      const taken = takeLimits(ports, vendor);
      if (taken instanceof Promise) return beginLater(ports, vendor, key, taken);
      return taken.ok ? begin(ports, vendor, key, taken) : denied(vendor, taken);
    },
  };
}

interface Taken {
  readonly ok: true;
  release(): void;
  undo(): void;
}

const NOTHING_TAKEN: Taken = { ok: true, release: () => {}, undo: () => {} };

function begin(ports: DeskPorts, vendor: VendorSpec, key: VendorKey, taken: Taken): Ticket | NoTicket {
  if (!ports.health.begin(vendor.id)) {
    taken.undo();
    return refusal(vendor, "breaker_open", "is failing at the moment");
  }
  return new Place(ports.health, vendor, key, taken);
}

async function beginLater(
  ports: DeskPorts,
  vendor: VendorSpec,
  key: VendorKey,
  taking: Promise<Taken | RateDenied>,
): Promise<Ticket | NoTicket> {
  const taken = await taking;
  return taken.ok ? begin(ports, vendor, key, taken) : denied(vendor, taken);
}

class Place implements Ticket {
  readonly ok = true;
  #isReported = false;

  constructor(
    readonly health: VendorHealth,
    readonly vendor: VendorSpec,
    readonly key: VendorKey,
    readonly taken: Taken,
  ) {}

  report(observation: Observation): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.health.report(this.vendor.id, this.key.id, observation);
  }

  release(): void {
    this.taken.release();
  }
}

/** A view is one object for as long as it stands, a tenth of a second and more. */
const standings = new WeakMap<VendorView, Standing>();

function standing(health: VendorHealth, route: Route): Standing {
  const view = health.view(route.vendor.id);
  const known = standings.get(view);
  if (known !== undefined) return known;
  const made = {
    breaker: view.state,
    firstTokenMs: view.firstTokenMs?.p50 ?? view.latencyMs,
    errorRatio: view.errorRatio,
  };
  standings.set(view, made);
  return made;
}

const hasRate = ({ limits }: VendorSpec): boolean =>
  limits.qps !== undefined || limits.concurrency !== undefined;
const isLimited = (vendor: VendorSpec): boolean => hasRate(vendor) || vendor.limits.dailyQuota !== undefined;

/** The rate first, then the day's quota; what was taken goes back when the second refuses. */
function takeLimits(ports: DeskPorts, vendor: VendorSpec): Taken | RateDenied | Promise<Taken | RateDenied> {
  if (!hasRate(vendor)) return takeQuota(ports, vendor, NOTHING_TAKEN);
  const rate = ports.rates.take(scopeOf(vendor), vendor.limits);
  if (rate instanceof Promise) return takeQuotaLater(ports, vendor, rate);
  return rate.ok ? takeQuota(ports, vendor, rate) : rate;
}

async function takeQuotaLater(
  ports: DeskPorts,
  vendor: VendorSpec,
  taking: Promise<Taken | RateDenied>,
): Promise<Taken | RateDenied> {
  const rate = await taking;
  return rate.ok ? takeQuota(ports, vendor, rate) : rate;
}

const scopes = new WeakMap<VendorSpec, RateScope>();

/** One for each vendor, as leases know it. */
function scopeOf(vendor: VendorSpec): RateScope {
  let scope = scopes.get(vendor);
  if (scope === undefined) {
    scope = { kind: "vendor", vendor: vendor.id };
    scopes.set(vendor, scope);
  }
  return scope;
}

function takeQuota(
  ports: DeskPorts,
  vendor: VendorSpec,
  rate: Taken,
): Taken | RateDenied | Promise<Taken | RateDenied> {
  const { dailyQuota } = vendor.limits;
  if (dailyQuota === undefined) return rate;
  const quota = ports.quotas.take(vendor.id, dailyQuota);
  return quota instanceof Promise ? joinedLater(rate, quota) : joined(rate, quota);
}

async function joinedLater(
  rate: Taken,
  taking: Promise<QuotaTaken | RateDenied>,
): Promise<Taken | RateDenied> {
  return joined(rate, await taking);
}

function joined(rate: Taken, quota: QuotaTaken | RateDenied): Taken | RateDenied {
  if (quota.ok) return new RateAndQuota(rate, quota);
  rate.undo();
  return quota;
}

class RateAndQuota implements Taken {
  readonly ok = true;

  constructor(
    readonly rate: Taken,
    readonly quota: QuotaTaken,
  ) {}

  release(): void {
    this.rate.release();
  }

  undo(): void {
    this.rate.undo();
    this.quota.undo();
  }
}

const untried = (keys: readonly VendorKey[], tried: ReadonlySet<string>): readonly VendorKey[] =>
  keys.filter(({ id }) => !tried.has(id));

/** Smooth weighted round robin over the keys that are neither set aside nor tried by this request. */
function nextKey(
  health: VendorHealth,
  turns: Turns,
  vendor: VendorSpec,
  tried: ReadonlySet<string>,
): VendorKey | undefined {
  const warm = health.usableKeys(vendor.id, vendor.keys);
  const usable = tried.size === 0 ? warm : untried(warm, tried);
  const [only] = usable;
  if (usable.length <= 1 || only === undefined) return only;
  let credits = turns.get(vendor);
  if (credits === undefined) {
    credits = new Map();
    turns.set(vendor, credits);
  }
  let chosen = only;
  let total = 0;
  for (const key of usable) {
    total += key.weight;
    credits.set(key.id, (credits.get(key.id) ?? 0) + key.weight);
    if ((credits.get(key.id) ?? 0) > (credits.get(chosen.id) ?? 0)) chosen = key;
  }
  credits.set(chosen.id, (credits.get(chosen.id) ?? 0) - total);
  return chosen;
}

function denied(vendor: VendorSpec, denial: RateDenied): NoTicket {
  return {
    ok: false,
    failure: {
      fault: "account",
      code: "rate_limit_exceeded",
      status: 429,
      vendorCode: "platform_limit",
      message: `The platform's limit toward ${vendor.id} is reached.`,
      retryAfterMs: denial.retryAfterMs,
    },
  };
}

function refusal(vendor: VendorSpec, vendorCode: string, what: string): NoTicket {
  const message = `${vendor.id} ${what}.`;
  return {
    ok: false,
    failure: { fault: "vendor", code: "vendor_unavailable", status: 0, vendorCode, message },
  };
}
