/** Bounds and terms of the actor runtime and its leases, each with its reason. Milliseconds unless said otherwise. */

/** How long an ask waits for its answer: longer than a grant's retries at the ledger, shorter than a client's patience. */
export const ASK_TIMEOUT_MS = 5_000;

/** Actors loaded on one node: 200,000 tenants of about 1 KiB. Beyond, new ones are `overloaded`. */
export const MAX_ACTORS = 200_000;

/** An actor nobody asks is dropped after this; loading it again costs one query. */
export const IDLE_ACTOR_MS = 300_000;

/** How often idle actors are looked for. */
export const IDLE_SWEEP_MS = 30_000;

/** Restarts within CRASH_WINDOW_MS after which an actor is set aside for QUARANTINE_MS. */
export const MAX_CRASHES = 5;
export const CRASH_WINDOW_MS = 60_000;
export const QUARANTINE_MS = 30_000;

/** Pause after a load that failed, doubling up to the most: what it needs is away, asking faster does not help. */
export const LOAD_RETRY_MS = 100;
export const LOAD_RETRY_MOST_MS = 5_000;

/** The longest term of a lease on rates, slots or a budget; the new owner of a shard waits as long for unknown holders. */
export const LEASE_MS = 10_000;
