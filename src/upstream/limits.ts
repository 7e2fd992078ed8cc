/** Bounds of the connections to vendors, each with its reason. */

/** Connections of this process to all origins. Above every number of calls a node lets run (`overload.maxInFlight`). */
export const MAX_CONNECTIONS = 65_536;

/** Unused connections kept to one origin: what a falling load leaves, without handshakes when it rises again. */
export const MAX_IDLE_PER_ORIGIN = 4_096;

/** How long a connection is kept unused. Load balancers close theirs after 60 s; who closes first races with nobody. */
export const IDLE_MS = 50_000;

/** Taken off what a server says of its patience (`keep-alive: timeout=5`): a request needs time to get there. */
export const IDLE_MARGIN_MS = 1_000;

/** A server that closes an unused connection sooner does so for a reason of its own, such as its stop. */
export const LEAST_PATIENCE_MS = 1_000;

/** A sweep: what was learnt of a server's patience is doubted, so that it doubles in an hour unless it is seen again. */
export const PATIENCE_GROWTH = 1.0002;

/** How often unused connections are looked at. One timer for all of them. */
export const SWEEP_MS = 1_000;

/** A connection that does not stand by then never will: callers have given up long before. */
export const CONNECT_MS = 60_000;

/** Silence after which the system asks whether the other end is still there: before those on the way forget it. */
export const PROBE_MS = 30_000;

/** Origins known at once, beyond those with connections: a vendor has one, a batch's results another. */
export const MAX_ORIGINS = 1_024;

/** Addresses whose parts are remembered: vendors times operations. Beyond it all are forgotten. */
export const MAX_ADDRESSES = 1_024;

/** Status line and fields of an answer. Servers themselves send up to 32 KiB. */
export const MAX_HEAD_BYTES = 64 * 1024;
export const MAX_FIELDS = 256;

/** Interim answers (1xx) before the real one. */
export const MAX_INTERIM = 16;

/** A chunk's size with its extensions, and all trailers together. */
export const MAX_CHUNK_LINE_BYTES = 4 * 1024;
export const MAX_TRAILER_BYTES = 16 * 1024;

/** Bytes of a body that wait for their reader before the connection is paused, and at which it goes on. */
export const PAUSE_BYTES = 256 * 1024;
export const RESUME_BYTES = 64 * 1024;

/** Request bodies up to this length leave in one write with their head; longer ones are not copied for it. */
export const JOINED_BODY_BYTES = 64 * 1024;
