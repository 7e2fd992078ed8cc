import { createHmac, timingSafeEqual } from "node:crypto";
import { Elysia } from "elysia";
import type { VendorSpec } from "../../core/catalog.ts";
import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { VendorId } from "../../core/ids.ts";
import type { TaskRunner } from "../../gateway/tasks/runner.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { readBody } from "../body.ts";

/** Where vendors tell of their jobs: an address that nobody can guess, for each vendor of its own. */
export interface HookAddresses {
  pathFor(vendor: VendorId): string;
  isRight(vendor: VendorId, token: string): boolean;
}

type News = Parameters<TaskRunner["hear"]>[1];

export interface HookRoutePorts extends AnswerPorts {
  readonly tasks: Pick<TaskRunner, "hear">;
  readonly addresses: HookAddresses;
  readonly clock: Clock;
  vendor(id: string): VendorSpec | undefined;
  /** What a vendor's adapter makes of a message; undefined: it is not the vendor's, or not to be trusted. */
  read(vendor: VendorSpec, headers: Headers, body: Uint8Array): News | undefined;
}

const PATTERN = "/v1/hooks/{vendor}/{token}";
/** A job as its vendor tells of it, pictures as URLs. */
const MOST_BYTES = 1024 * 1024;
/** Messages that one vendor may send in a second: one for each step of each of a node's tasks. */
const MESSAGES_A_SECOND = 1_000;
/** Messages that were read are remembered for so long: one that is sent again tells nothing new. */
const MOST_REMEMBERED = 10_000;

/** @param key 32 bytes, derived for this purpose alone */
export function createHookAddresses(key: Uint8Array): HookAddresses {
  const tokenOf = (vendor: VendorId): string => createHmac("sha256", key).update(vendor).digest("base64url");
  return {
    pathFor: (vendor) => `/v1/hooks/${vendor}/${tokenOf(vendor)}`,
    isRight(vendor, token) {
      const [given, right] = [Buffer.from(token), Buffer.from(tokenOf(vendor))];
      return given.length === right.length && timingSafeEqual(given, right);
    },
  };
}

/**
 * `POST /v1/hooks/{vendor}/{token}`. The token is the vendor's way in; what its adapter does not take for the vendor's
 * own, or takes for old, changes nothing. A message is never more than a reason to ask, or what an answer would be.
 */
export function hookRoutes(ports: HookRoutePorts) {
  const answer = createAnswer(ports);
  const remembered = new Set<string>();
  const counts = new Map<string, { second: number; count: number }>();

  const refuseFlood = (vendor: string): void => {
    const second = Math.floor(ports.clock.monotonic() / 1_000);
    const known = counts.get(vendor);
    const count = known?.second === second ? known.count + 1 : 1;
    counts.set(vendor, { second, count });
    if (count > MESSAGES_A_SECOND) {
      throw new SluiceError("rate_limit_exceeded", "Too many messages.", { retryAfterMs: 1_000 });
    }
  };
  const isNew = (vendor: string, body: Uint8Array): boolean => {
    const print = `${vendor} ${new Bun.CryptoHasher("sha256").update(body).digest("base64")}`;
    if (remembered.has(print)) return false;
    remembered.add(print);
    for (const oldest of remembered) if (remembered.size > MOST_REMEMBERED) remembered.delete(oldest);
    return true;
  };

  return new Elysia({ name: "hooks" }).post(
    "/v1/hooks/:vendor/:token",
    ({ request, params }) =>
      answer(request, PATTERN, async () => {
        const vendor = ports.vendor(params.vendor);
        const isRight = vendor !== undefined && ports.addresses.isRight(vendor.id, params.token);
        if (!isRight) throw new SluiceError("invalid_api_key", "This is no address that a vendor was given.");
        refuseFlood(vendor.id);
        const body = await readBody(request, MOST_BYTES);
        const news = ports.read(vendor, request.headers, body);
        if (news === undefined)
          throw new SluiceError("permission_denied", "The message is not the vendor's.");
        if (isNew(vendor.id, body)) ports.tasks.hear(vendor.id, news);
        return new Response(null, { status: 204 });
      }),
    { parse: "none" },
  );
}
