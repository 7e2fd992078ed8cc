import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import type { TenantId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { type Outbound, OutboundError } from "../outbound/outbound.ts";
import type { AttemptResult, ClaimedDelivery, Deliveries, DueDelivery } from "./deliveries.ts";
import { waitAfter } from "./retries.ts";
import type { WebhookSecrets } from "./secrets.ts";
import { signedHeaders } from "./signature.ts";

export interface SenderPorts {
  readonly deliveries: Deliveries;
  readonly secrets: Pick<WebhookSecrets, "current">;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Sends what is due. Every node has one; no two send the same at the same time. */
export interface Sender {
  wake(): void;
  /** Resolves when nothing is being sent by this node any more. */
  whenIdle(): Promise<void>;
  /** Takes nothing new; resolves when what is being sent has ended, which takes `ATTEMPT_MS` at most. */
  close(): Promise<void>;
}

/** What a receiver has for its answer. It is to take the message and work on it later. */
const ATTEMPT_MS = 10_000;
/** Until another node takes a message over: longer than an attempt with its bookkeeping. */
export const LEASE_MS = 30_000;
const AT_ONCE = 64;
/** So that servers that never answer hold up none but their own. */
export const AT_ONCE_PER_HOST = 4;
export const AT_ONCE_PER_TENANT = 16;
/** Looked at for those 64: a host with more waiting than that is busy anyway. */
const CANDIDATES = 500;
const LOOK_MS = 1_000;
const FORGET_MS = 60_000;
const FORGET_AT_ONCE = 5_000;
/** Read of an answer, which means nothing: enough to use a connection up politely. */
const MOST_ANSWER_BYTES = 64 * 1024;
const GONE = 410;

export function startSender(ports: SenderPorts): Sender {
  const { deliveries, clock, log } = ports;
  const sending = new Set<Promise<void>>();
  const perHost = new Count<string>();
  const perTenant = new Count<TenantId>();
  let isLooking = false;
  let isWanted = false;
  let isClosed = false;

  const fits = ({ host, tenant }: DueDelivery): boolean =>
    perHost.of(host) < AT_ONCE_PER_HOST && perTenant.of(tenant) < AT_ONCE_PER_TENANT;

  /** Places are taken before the claim, so that they are never more than they may be. */
  const chosen = (due: readonly DueDelivery[]): DueDelivery[] => {
    const places: DueDelivery[] = [];
    for (const one of due) {
      if (sending.size + places.length >= AT_ONCE || !fits(one)) continue;
      perHost.add(one.host, 1);
      perTenant.add(one.tenant, 1);
      places.push(one);
    }
    return places;
  };
  const leave = ({ host, tenant }: DueDelivery): void => {
    perHost.add(host, -1);
    perTenant.add(tenant, -1);
  };

  const lookOnce = async (): Promise<void> => {
    if (isClosed || sending.size >= AT_ONCE) return;
    const busy = { hosts: perHost.atLeast(AT_ONCE_PER_HOST), tenants: perTenant.atLeast(AT_ONCE_PER_TENANT) };
    const places = chosen(await deliveries.due(CANDIDATES, busy));
    if (places.length === 0) return;
    const free = new Map(places.map((place) => [place.id, place]));
    try {
      for (const claimed of await deliveries.claim([...free.keys()], LEASE_MS)) {
        free.delete(claimed.id);
        const sent = attempt(ports, claimed).finally(() => {
          leave(claimed);
          sending.delete(sent);
          look();
        });
        sending.add(sent);
      }
    } finally {
      for (const place of free.values()) leave(place);
    }
  };

  let looking: Promise<void> = Promise.resolve();
  const look = (): void => {
    isWanted = true;
    if (isLooking || isClosed) return;
    isLooking = true;
    looking = (async () => {
      try {
        while (isWanted && !isClosed) {
          isWanted = false;
          await lookOnce();
        }
      } catch (thrown) {
        log.warn("webhooks could not be looked for", { cause: String(thrown) });
      } finally {
        isLooking = false;
      }
    })();
  };

  const stopLooking = clock.every(LOOK_MS, look);
  const stopForgetting = clock.every(
    FORGET_MS,
    () =>
      void deliveries
        .forgetSettled(FORGET_AT_ONCE)
        .catch((thrown: unknown) =>
          log.warn("old webhooks could not be forgotten", { cause: String(thrown) }),
        ),
  );
  const whenIdle = async (): Promise<void> => {
    do {
      await looking;
      await Promise.all(sending);
    } while (isLooking || sending.size > 0);
  };
  return {
    wake: look,
    whenIdle,
    async close() {
      isClosed = true;
      stopLooking();
      stopForgetting();
      await whenIdle();
    },
  };
}

/** One attempt and what became of it. Never rejects: what cannot be written down is sent again after its lease. */
async function attempt(ports: SenderPorts, claimed: ClaimedDelivery): Promise<void> {
  try {
    await ports.deliveries.settle(claimed, await send(ports, claimed));
  } catch (thrown) {
    ports.log.warn("a webhook's attempt could not be written down", {
      webhook: claimed.id,
      cause: String(thrown),
    });
  }
}

async function send(
  ports: SenderPorts,
  { id, tenant, content, attempts }: ClaimedDelivery,
): Promise<AttemptResult> {
  const { clock, random, secrets, outbound } = ports;
  const waitMs = waitAfter(attempts, random);
  const signing = content.secret === undefined ? await secretsOf(secrets, tenant) : [content.secret];
  // Nothing is sent unsigned: it waits, as for a receiver that is away, until there is a secret or its time is over.
  if (signing instanceof SluiceError) return { kind: "failed", error: signing.message, waitMs };
  const headers = {
    "content-type": "application/json",
    ...signedHeaders(id, clock.now(), content.body, signing),
  };
  try {
    const answer = await outbound.fetch({
      url: content.url,
      method: "POST",
      headers,
      body: content.body,
      redirects: 0,
      mostBytes: MOST_ANSWER_BYTES,
      timeoutMs: ATTEMPT_MS,
    });
    await answer.body.cancel();
    const { status } = answer;
    if (status >= 200 && status < 300) return { kind: "delivered", status };
    if (status === GONE) return { kind: "unwanted", status };
    const askedMs = secondsOf(answer.headers.get("retry-after")) * 1_000;
    const error = `The receiver answered ${status}.`;
    return { kind: "failed", status, error, waitMs: waitAfter(attempts, random, askedMs) };
  } catch (thrown) {
    if (!(thrown instanceof OutboundError)) throw thrown;
    return { kind: "failed", error: thrown.message, waitMs };
  }
}

/** What signs, or why there is nothing that could. */
async function secretsOf(
  secrets: SenderPorts["secrets"],
  tenant: TenantId,
): Promise<readonly string[] | SluiceError> {
  try {
    const { secret, previous } = await secrets.current(tenant);
    return previous === undefined ? [secret] : [secret, previous.secret];
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
}

const secondsOf = (text: string | null): number =>
  text !== null && /^\d{1,6}$/.test(text) ? Number(text) : 0;

/** How many of each there are now. */
class Count<Key> {
  readonly #counts = new Map<Key, number>();

  of(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: Key, step: number): void {
    const count = this.of(key) + step;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }

  atLeast(most: number): Key[] {
    return [...this.#counts].filter(([, count]) => count >= most).map(([key]) => key);
  }
}
