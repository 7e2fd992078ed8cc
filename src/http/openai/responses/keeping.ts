import type { Clock } from "../../../core/clock.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { TenantId } from "../../../core/ids.ts";
import type { Log } from "../../../core/log.ts";
import { MOST_RESPONSE_BYTES, type ResponseLedger } from "../../../ledger/responses.ts";
import { KeepRoom } from "../../keep-room.ts";
import type { ResponsesRequest } from "./request.ts";

export interface KeepingPorts {
  readonly ledger: ResponseLedger;
  readonly clock: Clock;
  readonly log: Log;
}

/** One turn as it is kept. */
export interface KeptTurn {
  /** What the request said. */
  readonly input: readonly JsonObject[];
  /** Whole, with what the vendor wants back. */
  readonly response: JsonObject;
}

/** Keeps responses, and forgets them when they are old. */
export interface Keeping {
  /** False: it could not be kept, and the client is to know. Never rejects. */
  keep(tenant: TenantId, request: ResponsesRequest, response: JsonObject): Promise<boolean>;
  close(): void;
}

/** Of all that are written at once. What comes beyond is not kept. */
const MOST_KEEPING_BYTES = 256 * 1024 * 1024;
/** How long the end of an answer waits for the ledger. */
const PATIENCE_MS = 2_000;
const FORGET_MS = 60_000;
const FORGET_AT_ONCE = 5_000;

export function createKeeping({ ledger, clock, log }: KeepingPorts): Keeping {
  const room = new KeepRoom(MOST_RESPONSE_BYTES, MOST_KEEPING_BYTES);
  const stopForgetting = clock.every(
    FORGET_MS,
    () =>
      void ledger
        .forgetExpired(FORGET_AT_ONCE)
        .catch((thrown: unknown) =>
          log.warn("kept responses could not be forgotten", { cause: String(thrown) }),
        ),
  );

  const write = async (tenant: TenantId, id: string, previous: string | undefined, content: string) => {
    const place = room.open();
    try {
      if (!place.take(Buffer.byteLength(content))) return false;
      return await ledger.keep(tenant, { id, previous, content });
    } catch (thrown) {
      log.warn("a response could not be kept", { response: id, cause: String(thrown) });
      return false;
    } finally {
      place.leave();
    }
  };

  return {
    async keep(tenant, request, response) {
      const turn: KeptTurn = { input: request.input, response };
      const late = Promise.withResolvers<false>();
      const cancelLate = clock.after(PATIENCE_MS, () => late.resolve(false));
      const kept = write(tenant, String(response.id), request.previous, JSON.stringify(turn));
      const isKept = await Promise.race([kept, late.promise]);
      cancelLate();
      if (!isKept) log.warn("a response was given and not kept", { response: response.id });
      return isKept;
    },
    close: stopForgetting,
  };
}
