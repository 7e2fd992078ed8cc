import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { randomText, webhookId } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import { checkedUrl } from "../outbound/guarded-fetch.ts";
import { OutboundError } from "../outbound/outbound.ts";
import type { Deliveries } from "./deliveries.ts";
import { TRIED_FOR_MS } from "./retries.ts";
import { isSecret } from "./signature.ts";
import type { Webhooks } from "./webhooks.ts";

export interface OutboxPorts {
  readonly deliveries: Deliveries;
  readonly clock: Clock;
  readonly random: Random;
  wake(): void;
}

/** A result lists pictures as links, never as bytes: larger is a mistake. */
const MOST_MESSAGE_BYTES = 256 * 1024;

/** Where messages are put, to be sent once what they tell is committed. */
export function createOutbox({ deliveries, clock, random, wake }: OutboxPorts): Webhooks {
  const hostOf = (url: string, param?: string): string => {
    try {
      return checkedUrl(url).host;
    } catch (thrown) {
      if (thrown instanceof OutboundError) throw thrown.forClient(param);
      throw thrown;
    }
  };
  const checkSecret = (secret: string, param: string): void => {
    if (isSecret(secret)) return;
    const message = `Invalid '${param}': must be 'whsec_' and 24 to 64 bytes in base64.`;
    throw new SluiceError("invalid_request", message, { param });
  };
  return {
    async enqueue(sql, { tenant, url, event, data, isBare, at, secret }) {
      const id = webhookId(`msg_${randomText(random.bytes(24))}`);
      const timestamp = new Date(at ?? clock.now()).toISOString();
      const body = JSON.stringify(isBare === true ? data : { type: event, timestamp, data });
      if (Buffer.byteLength(body) > MOST_MESSAGE_BYTES) throw new Error(`a webhook of ${event} is too large`);
      if (secret !== undefined) checkSecret(secret, "secret");
      const content = { url, body, ...(secret === undefined ? {} : { secret }) };
      await deliveries.add(sql, { id, tenant, event, host: hostOf(url), content, triedForMs: TRIED_FOR_MS });
      return id;
    },
    wake,
    checkUrl: (url, param) => void hostOf(url, param),
    checkSecret,
  };
}
