/** No conversation is longer at OpenAI either. */
export const MOST_CONVERSATION_MS = 60 * 60_000;

/** Nothing was said by either end for so long: microphones send all the time, and people come back to a chat. */
export const CONVERSATION_IDLE_MS = 10 * 60_000;

/** How often a conversation is looked at: its key (a revoked one ends it within a second), its hold, its clocks. */
export const LOOK_MS = 900;

/** Unsent bytes at one end after which the other is read no more. Half a minute of sound. */
export const PAUSE_BYTES = 256 * 1024;
export const RESUME_BYTES = 64 * 1024;

/** What still arrives behind a pause was on its way; an end that holds more has lost the thread. */
export const MOST_UNSENT_BYTES = 2 * 1024 * 1024;

/** How often the vendor's end is asked whether it has sent what it held: it does not tell by itself. */
export const ASK_AGAIN_MS = 20;

/** Conversations of one node at once: each may hold what both ends have not sent, 1 GiB together at the usual bound. */
export const CONVERSATIONS = 2_000;

/** Frames of a vendor that wait for the client's end to open: a greeting. */
export const WAITING_FRAMES = 64;

/** Held for before anything is known of a conversation: instructions, tools, and the first minutes. */
export const FIRST_PROMPT_TOKENS = 4_096;

/** What may be said until the next look, on top of what was said already, without waiting for a hold. */
export const NEXT_PROMPT_TOKENS = 2_048;

/** Answers that may be asked for or given at once: more than a conversation and what is asked beside it have use for. */
export const MOST_ANSWERS = 64;

/** How long answers that are paid for are waited for when there are no points for further ones: the longest takes minutes to hear, not to make. */
export const LAST_ANSWERS_MS = 30_000;
