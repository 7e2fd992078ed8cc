import type { Dial } from "../../adapters/realtime-adapter.ts";
import { asSluiceError, SluiceError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { admit } from "../admission.ts";
import type { Attempt } from "../attempt.ts";
import { inexpressible } from "../attempt.ts";
import { CandidateWalk } from "../candidate-walk.ts";
import type { Charge } from "../charge.ts";
import type { Caller, GenerateOptions, Started } from "../gateway.ts";
import { type GeneratePorts, openCharge } from "../generate.ts";
import { givenUp, refused } from "../given-up.ts";
import { rank } from "../router.ts";
import type { Ticket } from "../vendor-desk.ts";
import { Conversation } from "./conversation.ts";
import { GrowingHold } from "./growing-hold.ts";
import { CONVERSATIONS, FIRST_PROMPT_TOKENS } from "./limits.ts";
import { type Opened, openVendor } from "./opening.ts";

/** Conversations by WebSocket, metered answer by answer. */
export interface Realtime {
  /** A conversation that a vendor has taken. Rejects with SluiceError when none does; nothing is charged then. */
  open(caller: Caller, model: string, options: RealtimeOptions): Promise<Conversation>;
  /** How many there are. */
  readonly count: number;
  /** Takes no new ones. */
  close(): void;
}

export type RealtimeOptions = Pick<GenerateOptions, "requestId" | "signal" | "path"> & {
  /** Throws or rejects with `invalid_api_key` when the caller's key is no longer good. */
  readonly isStillGood: () => unknown;
};

export interface RealtimePorts extends GeneratePorts {
  readonly dial: Dial;
  /** Why a caller is not served at the moment; undefined: it is. */
  refusal(caller: Caller): SluiceError | undefined;
}

export function createRealtime(ports: RealtimePorts): Realtime {
  const open = new Set<Conversation>();
  let opening = 0;
  let isClosed = false;
  return {
    get count() {
      return open.size;
    },
    close() {
      isClosed = true;
    },
    async open(caller, model, options) {
      const refusal = isClosed ? stopping() : ports.refusal(caller);
      if (refusal !== undefined) throw refusal;
      if (open.size + opening >= CONVERSATIONS) {
        throw new SluiceError("overloaded", "This node holds as many conversations as it can.", {
          retryAfterMs: 1_000,
        });
      }
      opening += 1;
      try {
        const conversation = await begin(ports, caller, model, options);
        open.add(conversation);
        void conversation.over.then(() => open.delete(conversation));
        return conversation;
      } finally {
        opening -= 1;
      }
    },
  };
}

const stopping = (): SluiceError =>
  new SluiceError("overloaded", "This node is stopping. Try again: another one will answer.", {
    retryAfterMs: 1_000,
  });

async function begin(
  ports: RealtimePorts,
  caller: Caller,
  model: string,
  options: RealtimeOptions,
): Promise<Conversation> {
  const request = requestFor(model);
  const decision = rank(ports.routes(), ports.desk.standingOf, caller, request, ports.clock.now());
  ports.explanations.decided(options.requestId, caller.tenant, decision);
  const { charge, hold, admission } = await arrive(ports, caller, request, options, decision.ranked);
  const walk = new CandidateWalk(ports, admission.candidates, charge, options.signal);
  charge.runner = walk;
  try {
    const served = await walk.next<Conversation>({
      stream: true,
      async call(attempt, ticket) {
        const opened = await openAt(ports, attempt);
        if ("fault" in opened) {
          walk.throwIfGone({ gone: () => gone(charge) }, attempt);
          return opened;
        }
        const { limit, tokenLimit } = admission.rates;
        const started: Started = {
          requestId: options.requestId,
          vendor: attempt.route.vendor.id,
          vendorModel: attempt.route.model,
          attempts: walk.attempts,
          ...(limit === undefined ? {} : { limit }),
          ...(tokenLimit === undefined ? {} : { tokenLimit }),
        };
        return conversationOf(ports, { attempt, ticket, opened, charge, hold, started, options });
      },
      gone: () => gone(charge),
      refused,
    });
    if (served === undefined) throw givenUp(walk);
    return served;
  } catch (thrown) {
    const error = asSluiceError(thrown);
    charge.settleUnserved("failed", error.code);
    throw error;
  }
}

/** Rates, a slot, and the first slice of what it will cost; what comes after is held as it goes. */
async function arrive(
  ports: RealtimePorts,
  caller: Caller,
  request: GenerationRequest,
  { requestId, path }: RealtimeOptions,
  ranked: ReturnType<typeof rank>["ranked"],
) {
  ports.openCharges.arriving += 1;
  try {
    const candidates = ranked.map(({ route }) => route);
    const admission = await admit(ports.admission, {
      caller,
      request,
      candidates,
      path,
      at: ports.clock.now(),
    });
    const hold = new GrowingHold(admission.hold, (amount) => ports.admission.hold(caller, amount, path));
    const options = { requestId, mode: "events" } as const;
    const charge = await openCharge(ports, caller, request, options, { ...admission, hold });
    return { admission, hold, charge };
  } finally {
    ports.openCharges.arriving -= 1;
  }
}

async function openAt(ports: RealtimePorts, attempt: Attempt): Promise<Opened | VendorFailure> {
  const { realtime } = attempt.route.adapter;
  if (realtime === undefined) throw new Error(`${attempt.route.vendor.id} has no conversations`);
  try {
    const call = realtime.buildSocket(attempt.target());
    const reader = realtime.openReader(attempt.key.secret);
    return await openVendor(attempt, (ears) => (realtime.dial ?? ports.dial)(call, ears), reader);
  } catch (thrown) {
    return inexpressible(thrown);
  }
}

interface Served {
  readonly attempt: Attempt;
  readonly ticket: Ticket;
  readonly opened: Opened;
  readonly charge: Charge;
  readonly hold: GrowingHold;
  readonly started: Started;
  readonly options: RealtimeOptions;
}

function conversationOf(ports: RealtimePorts, served: Served): Conversation {
  const { attempt, ticket, charge } = served;
  // Its clocks are those of an answer; a conversation has its own.
  attempt.close();
  charge.noteAttempt(attempt, "served");
  const firstTokenMs = ports.clock.monotonic() - attempt.startedAt;
  ticket.report({ ok: true, durationMs: firstTokenMs, firstTokenMs });
  return new Conversation(ports, { ...served, isStillGood: served.options.isStillGood });
}

/** Nothing was said yet, so nothing is charged. */
function gone(charge: Charge): SluiceError {
  const error = new SluiceError("request_cancelled", "The client closed the connection.");
  charge.settleUnserved("cancelled", error.code);
  return error;
}

const requestFor = (model: string): GenerationRequest => ({
  operation: "realtime",
  model,
  stream: false,
  includeUsage: false,
  body: {},
  choices: 1,
  promptTokens: FIRST_PROMPT_TOKENS,
  usesTools: false,
  usesImages: false,
});
