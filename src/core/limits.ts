/** Every bound of the system that is not configuration, with its reason. */

/** Largest request body unless configured: 20 images of 1 MB in base64 fit. */
export const DEFAULT_BODY_BYTES = 32 * 1024 * 1024;

/** Levels of a JSON body: schemas of tools are the deepest that people send, a few dozen. */
export const JSON_LEVELS = 500;

/** Values of a JSON body: 50,000 lines of a batch have a million; more of them are parsed for a second and longer. */
export const JSON_VALUES = 2_000_000;

/** Largest single SSE frame of a vendor: previews of images reach 1.7 MB. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;

/** Largest whole answer of a vendor: a batch of 2,048 embeddings of 3,072 numbers is about 60 MB as JSON. */
export const MAX_ANSWER_BYTES = 128 * 1024 * 1024;

/** How much of a vendor's error body is read: the reason is in the first lines, the rest is HTML. */
export const MAX_ERROR_BYTES = 64 * 1024;

/** How much of a vendor's message a client may see. */
export const MAX_MESSAGE_CHARS = 500;

/** Held for when neither the client nor the configuration says how long an answer can be. */
export const DEFAULT_MAX_OUTPUT_TOKENS = 8_192;

/**
 * Held for a request with films, or with sound that the vendor fetches: nobody here has seen how long they are. All that
 * the models read that take them by OpenAI's chat (Qwen VL and Omni).
 */
export const FILM_TOKENS = 262_144;

/** Held for each image in a prompt: the most that a text vendor counts for one (Qwen VL, high resolution). */
export const IMAGE_TOKENS = 16_384;

/** No wait that a vendor asks for is honoured beyond this (1,849,295 s was seen at Qwen). */
export const MAX_RETRY_AFTER_MS = 60_000;

/** Messages waiting in one actor's mailbox before it answers `overloaded`. */
export const MAILBOX_LENGTH = 10_000;

/** A client that reads nothing of its stream for this long is taken for gone: its points are held meanwhile. */
export const READER_STALL_MS = 120_000;

/** Longest piece of text in one stream event, in UTF-16 units: a vendor's giant frame becomes several events. */
export const STREAM_ENTRY_CHARS = 16 * 1024;

/** Unsent bytes after which a WebSocket's client counts as too slow. */
export const UNSENT_BYTES = 1024 * 1024;

/**
 * Events of one stream that can be read again. A quarter above UNSENT_BYTES, so that a slow socket is found
 * out before its stream holds its vendor back. Grows by need: an answer of 1,000 tokens takes 8 KiB.
 */
export const STREAM_RING_BYTES = UNSENT_BYTES + 256 * 1024;

/** How long an ended stream can still be read. */
export const STREAM_KEPT_MS = 5 * 60_000;

/** How long a generation goes on without a reader, unless the request says otherwise. */
export const STREAM_DETACH_MS = 30_000;

/** The longest that a request may say: as long as the longest answers run. */
export const STREAM_DETACH_MOST_MS = 10 * 60_000;

/** Bytes of one message of a stream's copy, and of one answer to a reader on another node. */
export const STREAM_COPY_BATCH_BYTES = 16 * 1024;
export const STREAM_REMOTE_BATCH_BYTES = 64 * 1024;

/** How long readers wait for a copy that is not taken; then they go ahead of it. Longer than a server's restart. */
export const STREAM_COPY_PATIENCE_MS = 2_000;

/** How long a message of a copy is tried: an election takes 3 to 10 s. */
export const STREAM_COPY_GIVE_UP_MS = 30_000;

/** Milliseconds between two messages of one stream's copy at most: a part of a sentence. */
export const STREAM_COPY_PACE_MS = 50;

/** Messages of copies that one node writes in a second, before each stream writes less often: a fifth of what a server took. */
export const STREAM_COPIES_A_SECOND = 5_000;

/** How long a copy is kept: the longest answers run ten minutes, and are read five minutes after their end. */
export const STREAM_COPY_AGE_MS = 16 * 60_000;

/** Of all copies together; the oldest go first. */
export const STREAM_COPIES_BYTES = 2 * 1024 * 1024 * 1024;

/** A reader on another node counts as one for so long after it was last heard. */
export const STREAM_SEAT_MS = 6_000;

/** Readers on other nodes at once, of all streams of this node: each holds a place and, while it waits, one question. */
export const STREAM_SEATS = 16_384;

/** Streams running at once on one node: at 32 KiB each, 1 GiB. */
export const RUNNING_STREAMS = 32_768;

/** Ended streams kept for their five minutes: 160 ends a second. The oldest go first. */
export const KEPT_STREAMS = 50_000;

/** Memory of the ended streams together. The oldest go first. */
export const KEPT_STREAM_BYTES = 256 * 1024 * 1024;

/** Generations at once on one WebSocket: a backend's whole load, yet one socket cannot fill a node. */
export const GENERATIONS_PER_SOCKET = 1_000;

/** WebSockets of one key on one node: a product's users all come with its one key. 250 MB when they are idle. */
export const SOCKETS_PER_KEY = 50_000;

/** Life of a WebSocket ticket. */
export const TICKET_MS = 60_000;

/** Unused tickets at once: 160 a second, each good for a minute. */
export const TICKETS = 10_000;
