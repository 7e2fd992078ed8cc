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

/** The longest term of a lease on rates, slots or a budget: with what is left of it when an owner dies, the time is bridged until its shards have another (11 s). */
export const LEASE_MS = 20_000;

/** A lease in use is renewed when it is this old. */
export const RENEW_MS = 5_000;

/** How long the owner of a limit waits before it asks holders again to renew at once. */
export const REBALANCE_PAUSE_MS = 100;

/** Limits that one owner keeps: its own and one a key. */
export const MAX_LIMITS = 20_000;

/** Tries of one ledger call whose outcome is unknown, with doubling pauses: 3 s together, within ASK_TIMEOUT_MS. */
export const LEDGER_TRIES = 7;
export const LEDGER_PAUSE_MS = 50;

/** How long nodes have to give back what they do not need before a tenant is told that its points do not suffice. */
export const RECALL_MS = 250;

/** A node that did not answer a recall is not waited for during this time: it is gone, paused or cut off. */
export const SILENT_MS = 5_000;

/** Balances older than this are read again before a denial: a top-up may have come past this actor. */
export const FRESH_BALANCE_MS = 1_000;

/** Requests that wait for one lease on one node; beyond, `overloaded`. */
export const MAX_WAITING = 10_000;

/** How long a denial is answered without asking the owner again. */
export const DENIAL_MS = 250;

/** Pauses between tries to reach an owner, doubling up to the most. */
export const ASK_PAUSE_MS = 50;
export const ASK_PAUSE_MOST_MS = 2_000;

/** An owner that has not answered for this long is taken for gone: who waits is told, who comes is told at once. */
export const TROUBLE_MS = 3_000;

/** Tenants with a purse, keys with a budget, limits with a part: each at most this many on one node. */
export const MAX_LEASES = 100_000;

/** A purse that nobody used for this long is given back. */
export const IDLE_PURSE_MS = 60_000;

/** How often leases are looked through for what is due: renewals, giving back, forgetting. */
export const LEASE_SWEEP_MS = 2_500;

/** A lease is not used in the last part of its term: an event loop that stalled must not outlive it. */
export const LEASE_MARGIN_MS = 1_000;

/** A limit's waiters give up after this: nodes that held its parts had time to let go, and what a lost one held of a second's window is back. */
export const RATE_WAIT_MS = 2_000;
export const RATE_RETRY_MS = 50;

/** A node that is denied by its own part asks for a larger one, but not more often than this. */
export const EARLY_RENEWAL_MS = 500;
