/** Tasks that one node runs at once: some KiB each, and a question to a vendor every few seconds. */
export const TASKS_PER_NODE = 2_000;

/** Of one tenant, on all nodes together: what is more is refused, so that no tenant fills the nodes. */
export const TASKS_PER_TENANT = 500;

/** How long a job may take at its vendor, where the operator's `timeouts.total` is not longer. */
export const JOB_MS = 3_600_000;

/** Between two questions, whatever the vendor says. */
export const LEAST_PAUSE_MS = 250;
export const MOST_PAUSE_MS = 60_000;

/** Questions in a row that a vendor may leave unanswered, or answer with nonsense, before its job is given up. */
export const MOST_SILENCE = 20;
/** And that it may answer with not knowing the job: some know it only after a moment. */
export const MOST_UNKNOWN = 3;

/** How long a task waits for a vendor that is busy, and how often at most it looks again. */
export const BUSY_PATIENCE_MS = 600_000;
export const BUSY_PAUSE_MS = 5_000;

/** Progress that readers are told: a step of at least so much, at most this often, at most so many times. */
export const PROGRESS_STEP = 0.01;
export const PROGRESS_PAUSE_MS = 1_000;
export const MOST_PROGRESS_EVENTS = 120;

/** Leases of a node's tasks are renewed together, a third of their length apart. */
export const RENEW_MS = 5_000;
/** How often a node looks for tasks that nobody renews, and how many it takes at a time. */
export const CLAIM_MS = 2_500;
export const CLAIMS_AT_ONCE = 50;

/** A call that was announced longer ago than this is not made any more: its task may be another node's by now. */
export const ANNOUNCED_MS = 5_000;

/** How long results and what is told of a task are kept: a month, as people come back for pictures. */
export const TASK_KEPT_MS = 30 * 86_400_000;
export const FORGET_MS = 60_000;
export const FORGET_AT_ONCE = 1_000;

/** How often a change of a task is tried while the ledger is away, and how long apart. */
export const WRITE_TRIES = 5;
export const WRITE_PAUSE_MS = 500;
/** The end of a task is worth more patience. */
export const END_TRIES = 60;
