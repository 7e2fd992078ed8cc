import { expect, test } from "bun:test";
import { JetStreamApiError } from "@nats-io/jetstream";
import { TimeoutError } from "@nats-io/transport-node";
import { ManualClock } from "../../core/manual-clock.ts";
import { AGAIN_MS, ELECTION_MS, throughElection } from "./through-election.ts";

const answered = (code: number, err_code: number) =>
  new JetStreamApiError({ code, err_code, description: "said by a server" });

/** Asks on a clock that goes on until `failures` are over, or for twice the time that an election may take. */
async function asked(failures: readonly Error[]) {
  const clock = new ManualClock();
  let attempts = 0;
  let outcome: unknown;
  const asking = throughElection(clock, async () => {
    const failure = failures[Math.min(attempts, failures.length)];
    attempts += 1;
    if (failure !== undefined) throw failure;
    return "served";
  });
  void asking.then(
    (value) => (outcome = value),
    (thrown: unknown) => (outcome = thrown),
  );
  for (let waited = 0; outcome === undefined && waited <= 2 * ELECTION_MS; waited += AGAIN_MS)
    await clock.advance(AGAIN_MS);
  return { outcome, attempts };
}

test("what no leader answers is asked again", async () => {
  const failures = [new TimeoutError(), answered(503, 10_008), new TimeoutError()];
  expect(await asked(failures)).toEqual({ outcome: "served", attempts: 4 });
});

test.each([
  ["a refusal", answered(404, 10_059)],
  ["a mistake", new Error("made otherwise than it was asked for")],
])("%s is told at once", async (_, thrown) => {
  expect(await asked([thrown])).toEqual({ outcome: thrown, attempts: 1 });
});

test("an election that does not end is given up", async () => {
  const silence = new TimeoutError();
  const { outcome, attempts } = await asked(Array(1_000).fill(silence));
  expect(outcome).toBe(silence);
  expect(attempts).toBeGreaterThan(2);
});
