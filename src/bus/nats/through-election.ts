import { JetStreamApiError } from "@nats-io/jetstream";
import { NoRespondersError, RequestError, TimeoutError } from "@nats-io/transport-node";
import { type Clock, sleep } from "../../core/clock.ts";

/** Servers elect for 3 to 10 s after one was lost, and after they were started together. */
export const ELECTION_MS = 30_000;
export const AGAIN_MS = 250;

/**
 * Asks JetStream again while it has no leader who could answer: for what a node needs at its start.
 * @throws what the last attempt threw: at once unless it was for want of an answer, else after half a minute
 */
export async function throughElection<Value>(clock: Clock, attempt: () => Promise<Value>): Promise<Value> {
  const deadline = clock.monotonic() + ELECTION_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!isSilence(thrown) || clock.monotonic() >= deadline) throw thrown;
    }
    await sleep(clock, AGAIN_MS);
  }
}

/** "Not found", "name in use" and the like are answers; 503 is a cluster without a leader. */
function isSilence(thrown: unknown): boolean {
  if (thrown instanceof JetStreamApiError) return thrown.status >= 500;
  // The client tells of a request that nobody took as of JetStream that is not enabled.
  const causes = [thrown, thrown instanceof Error ? thrown.cause : undefined];
  return causes.some((cause) => NO_ANSWER.some((kind) => cause instanceof kind));
}

const NO_ANSWER = [TimeoutError, RequestError, NoRespondersError] as const;
