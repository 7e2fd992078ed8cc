import type { Clock } from "../core/clock.ts";
import { sleep } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import type { RequestId, TenantId } from "../core/ids.ts";
import { READER_STALL_MS } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import { type IdempotencyClaim, type IdempotencyLedger, RUN_LEASE_MS } from "../ledger/idempotency.ts";
import { KeepRoom } from "./keep-room.ts";
import { headersToKeep, packAnswer, replay } from "./kept-answer.ts";
import { type KeptEnd, keptStream } from "./kept-stream.ts";

export interface IdempotencyPorts {
  readonly ledger: IdempotencyLedger;
  readonly clock: Clock;
  readonly log: Log;
}

/** What an idempotency key stands for. */
export interface Once {
  readonly tenant: TenantId;
  readonly request: RequestId;
  /** Of method, path, body and whatever else shapes the answer. */
  readonly fingerprint: string;
  /** The client went away: nobody waits any more. */
  readonly signal: AbortSignal;
}

export interface Idempotency {
  /**
   * Answers a request that carries a key: by running it, or with the answer of its first run.
   * @throws SluiceError `idempotency_conflict` when the key came with another request, `idempotency_in_progress` when
   * its first run takes longer than anybody waits, `overloaded` when the ledger is away, and what `run` throws
   */
  once(key: string, about: Once, run: () => Promise<Response>): Promise<Response>;
  close(): void;
}

/** Longer keys are nobody's. */
const MOST_KEY_LENGTH = 255;
/** Larger answers are given, and not kept. */
export const MOST_KEPT_BYTES = 8 * 1024 * 1024;
/** Of all that run at once: 32 of the largest, or 100,000 short ones. What comes beyond is given, and not kept. */
const MOST_KEPT_AT_ONCE_BYTES = 256 * 1024 * 1024;
/** Runs with a key on one node at a time. */
const MOST_RUNNING = 2_000;
/** Requests that wait for the run of another node or connection. */
const MOST_WAITING = 1_000;
const WAIT_MS = 120_000;
const FIRST_LOOK_MS = 100;
const MOST_LOOK_MS = 1_000;
const RENEW_MS = RUN_LEASE_MS / 3;
const FORGET_MS = 60_000;
const FORGET_AT_ONCE = 5_000;
/** How often keeping an answer is tried while the ledger is away; the client waits for its last byte meanwhile. */
const KEEP_TRIES = 5;
const KEEP_PAUSE_MS = 100;

export function createIdempotency({ ledger, clock, log }: IdempotencyPorts): Idempotency {
  const running = new Set<RequestId>();
  const room = new KeepRoom(MOST_KEPT_BYTES, MOST_KEPT_AT_ONCE_BYTES);
  let waiting = 0;

  const quietly = (doing: Promise<unknown>, what: string): void =>
    void doing.catch((thrown: unknown) => log.warn(what, { cause: String(thrown) }));
  const timers = [
    clock.every(RENEW_MS, () => {
      if (running.size > 0)
        quietly(ledger.renew([...running]), "running requests with an idempotency key could not be renewed");
    }),
    clock.every(FORGET_MS, () =>
      quietly(ledger.forgetExpired(FORGET_AT_ONCE), "kept answers could not be forgotten"),
    ),
  ];

  const keep = async (claim: IdempotencyClaim, answer: string): Promise<void> => {
    try {
      for (let tries = 1; ; tries += 1) {
        try {
          if (!(await ledger.keep(claim, answer)))
            log.warn("an answer came too late: its request was run again", { request: claim.request });
          return;
        } catch (thrown) {
          if (tries >= KEEP_TRIES) throw thrown;
          await sleep(clock, KEEP_PAUSE_MS * 2 ** tries);
        }
      }
    } catch (thrown) {
      log.error("an answer could not be kept for its idempotency key", {
        request: claim.request,
        cause: String(thrown),
      });
    } finally {
      running.delete(claim.request);
    }
  };
  const release = (claim: IdempotencyClaim): void => {
    running.delete(claim.request);
    quietly(ledger.release(claim), "an idempotency key could not be released");
  };
  /** Charged, and nothing to show for it: once its lease is over whoever comes with the key runs it, and one run is free. */
  const giveUp = (claim: IdempotencyClaim): void => {
    running.delete(claim.request);
    log.warn("an answer is too large to be kept, or broke off", { request: claim.request });
  };

  const runFirst = async (claim: IdempotencyClaim, run: () => Promise<Response>): Promise<Response> => {
    running.add(claim.request);
    let response: Response;
    try {
      response = await run();
    } catch (thrown) {
      release(claim);
      throw thrown;
    }
    const { status, headers, body } = response;
    const about = { status, headers: headersToKeep(headers) };
    if (body !== null && headers.get("content-type")?.startsWith("text/event-stream") === true) {
      const kept = async (end: KeptEnd): Promise<void> => {
        if (end === "nothing") release(claim);
        else if (end === "too large" || end === "broken") giveUp(claim);
        else await keep(claim, packAnswer({ ...about, body: end }));
      };
      const whenStalled = (leave: () => void) => clock.after(READER_STALL_MS, leave);
      const ended = keptStream(body, room.open(), kept, whenStalled);
      return new Response(ended, { status, headers });
    }
    const bytes = await response.bytes().catch((thrown: unknown) => {
      giveUp(claim);
      throw thrown;
    });
    const place = room.open();
    try {
      if (place.take(bytes.byteLength)) await keep(claim, packAnswer({ ...about, body: bytes }));
      else giveUp(claim);
    } finally {
      place.leave();
    }
    return new Response(bytes, { status, headers });
  };

  return {
    async once(key, { tenant, request, fingerprint, signal }, run) {
      if (key.length > MOST_KEY_LENGTH || !/^[\x20-\x7e]+$/.test(key)) {
        const rule = `must be 1 to ${MOST_KEY_LENGTH} printable characters`;
        throw new SluiceError("invalid_request", `Invalid 'Idempotency-Key': ${rule}.`, {
          param: "Idempotency-Key",
        });
      }
      if (running.size >= MOST_RUNNING || waiting >= MOST_WAITING)
        throw new SluiceError("overloaded", "Too many requests with an Idempotency-Key run here.", {
          retryAfterMs: 1_000,
        });
      const claim = { tenant, key, fingerprint, request };
      waiting += 1;
      const known = await claimed({ ledger, clock, log }, claim, signal).finally(() => {
        waiting -= 1;
      });
      return known ?? runFirst(claim, run);
    },
    close() {
      for (const cancel of timers) cancel();
    },
  };
}

/** Undefined: it is ours to run. */
async function claimed(
  { ledger, clock }: IdempotencyPorts,
  claim: IdempotencyClaim,
  signal: AbortSignal,
): Promise<Response | undefined> {
  const deadline = clock.monotonic() + WAIT_MS;
  for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(pauseMs * 2, MOST_LOOK_MS)) {
    const verdict = await ledger.claim(claim);
    switch (verdict.kind) {
      case "claimed":
        return undefined;
      case "answered":
        return replay(verdict.answer);
      case "conflict":
        throw new SluiceError("idempotency_conflict", "This Idempotency-Key was used with another request.");
      case "running":
        if (signal.aborted || clock.monotonic() >= deadline) throw stillRunning();
        await sleep(clock, pauseMs);
    }
  }
}

const stillRunning = (): SluiceError =>
  new SluiceError("idempotency_in_progress", "The first request with this Idempotency-Key still runs.", {
    retryAfterMs: 1_000,
  });
