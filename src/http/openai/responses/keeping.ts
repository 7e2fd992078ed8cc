import type { Clock } from "../../../core/clock.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { TenantId } from "../../../core/ids.ts";
import type { Log } from "../../../core/log.ts";
import { MOST_RESPONSE_BYTES, type ResponseLedger } from "../../../ledger/responses.ts";
import { KeepRoom } from "../../keep-room.ts";
import { listIn, objectIn } from "./chat-pieces.ts";
import type { ResponsesRequest } from "./request.ts";
import { isForeignName } from "./response-object.ts";

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

type Kept = KeptTurn & { readonly previous: string | undefined };

/** Names that a vendor gave: clients refer to items by them, and they do not tell the response. */
const foreignNames = ({ output }: JsonObject): readonly string[] =>
  listIn(output)
    .map((item) => objectIn(item)?.id)
    .filter(isForeignName);

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

  const write = async (tenant: TenantId, { response, ...turn }: Kept) => {
    const id = String(response.id);
    const content = JSON.stringify({ input: turn.input, response });
    const place = room.open();
    try {
      if (!place.take(Buffer.byteLength(content))) return false;
      return await ledger.keep(tenant, {
        id,
        previous: turn.previous,
        content,
        items: foreignNames(response),
      });
    } catch (thrown) {
      log.warn("a response could not be kept", { response: id, cause: String(thrown) });
      return false;
    } finally {
      place.leave();
    }
  };

  return {
    async keep(tenant, request, response) {
      const late = Promise.withResolvers<false>();
      const cancelLate = clock.after(PATIENCE_MS, () => late.resolve(false));
      const kept = write(tenant, { input: request.input, response, previous: request.previous });
      const isKept = await Promise.race([kept, late.promise]);
      cancelLate();
      if (!isKept) log.warn("a response was given and not kept", { response: response.id });
      return isKept;
    },
    close: stopForgetting,
  };
}
