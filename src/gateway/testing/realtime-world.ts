import { openai } from "../../adapters/openai/index.ts";
import type { SocketEars, SocketEnd } from "../../adapters/realtime-adapter.ts";
import { type ErrorCode, SluiceError } from "../../core/errors.ts";
import { nodeId, type RequestId, requestId } from "../../core/ids.ts";
import { silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { type Micropoints, ZERO } from "../../core/points.ts";
import { seededRandom } from "../../core/random.ts";
import type { ProgressRecord, UsageRecord } from "../../ledger/records.ts";
import type { Hold } from "../charge.ts";
import { Deadlines } from "../deadlines.ts";
import { createExplanations } from "../explain.ts";
import { OpenCharges } from "../open-charges.ts";
import type { ClientEnd, Conversation } from "../realtime/conversation.ts";
import type { ConversationEnd } from "../realtime/endings.ts";
import { createRealtime } from "../realtime/realtime.ts";
import type { VendorDesk } from "../vendor-desk.ts";
import { bookingSpool } from "./booking-spool.ts";
import { callerOf } from "./fixtures.ts";
import { runRoute, SILENT } from "./run-world.ts";

/** An end whose other side a test plays. */
export class FakeEnd implements SocketEnd {
  readonly sent: string[] = [];
  unsentBytes = 0;
  isPaused = false;
  closedWith: number | undefined;

  constructor(readonly ears: SocketEars) {}

  send(frame: string): void {
    this.sent.push(frame);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code: number): void {
    this.closedWith ??= code;
  }

  drop(): void {
    this.closedWith ??= 1006;
  }
}

export class FakeClient implements ClientEnd {
  readonly heard: string[] = [];
  unsentBytes = 0;
  isPaused = false;
  isFull = false;
  ended: ConversationEnd | undefined;
  readonly told: SluiceError[] = [];

  tell(error: SluiceError): void {
    this.told.push(error);
  }

  send(frame: string): boolean {
    if (!this.isFull) this.heard.push(frame);
    return !this.isFull;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(ending: ConversationEnd): void {
    if (this.ended !== undefined) throw new Error("a client was told twice that it is over");
    this.ended = ending;
  }
}

/** Conversations with vendors whose ends a test plays, and everything of them that must be given back. */
export function createRealtimeWorld() {
  const clock = new ManualClock();
  const openCharges = new OpenCharges(clock);
  const deadlines = new Deadlines(clock);
  const booked: UsageRecord[] = [];
  const noted: ProgressRecord[] = [];
  const ends: FakeEnd[] = [];
  const world = {
    clock,
    openCharges,
    booked,
    noted,
    /** As they were dialled. */
    ends,
    held: { holds: 0, tickets: 0, points: 0n },
    /** Points to be held at most; absent: any. */
    balance: undefined as bigint | undefined,
    isKeyGood: true,
    /** What its key is refused with from now on. */
    keyIsRefused: undefined as ErrorCode | undefined,
    /** Holds are given when `answerHolds` is called. */
    isSlow: false,
    answerHolds(): void {
      world.isSlow = false;
      for (const answer of waiting.splice(0)) answer();
    },
  };
  const waiting: (() => void)[] = [];
  const route = (vendor: string) => ({
    ...runRoute(vendor, openai, { input: 1n, output: 10n }),
    operations: new Set(["realtime"] as const),
  });
  const realtime = createRealtime({
    clock,
    openCharges,
    deadlines,
    random: seededRandom(1),
    log: silentLog,
    node: nodeId("n"),
    region: "local",
    explanations: createExplanations(),
    telemetry: SILENT,
    spool: bookingSpool(booked, noted),
    admission: {
      takeRates: () => ({ limit: undefined, release() {} }),
      hold: (_caller, amount) =>
        world.isSlow
          ? new Promise<void>((resolve) => waiting.push(resolve)).then(() => holdIn(world, amount))
          : holdIn(world, amount),
    },
    desk: deskOf(world.held),
    network: () => Promise.reject(new Error("no HTTP here")),
    dial(_call, ears) {
      const end = new FakeEnd(ears);
      ends.push(end);
      return end;
    },
    refusal: () => undefined,
    routes: () => ({
      catalog: { vendors: new Map(), models: new Map(), routing: ROUTING, tiers: {} },
      routing: ROUTING,
      models: new Map([["m", [route("v"), route("w")]]]),
    }),
  });
  let requests = 0;
  const nextId = (): RequestId => {
    requests += 1;
    return requestId(`req_${requests}`);
  };
  const open = (signal?: AbortSignal): Promise<Conversation> =>
    realtime.open(callerOf(), "m", {
      requestId: nextId(),
      ...(signal === undefined ? {} : { signal }),
      isStillGood() {
        if (world.keyIsRefused !== undefined) throw new SluiceError(world.keyIsRefused, "Not this key.");
        if (!world.isKeyGood) throw new SluiceError("invalid_api_key", "The key was revoked.");
      },
    });

  return Object.assign(world, {
    realtime,
    open,
    /** One that the first vendor has taken, with its client. */
    async begun(session: object = {}) {
      const opening = open();
      await settled();
      const end = ends.at(-1);
      if (end === undefined) throw new Error("nobody was dialled");
      end.ears.opened();
      end.ears.frame(frame({ type: "session.created", session }));
      const conversation = await opening;
      const client = new FakeClient();
      conversation.attach(client);
      return { conversation, end, client };
    },
  });
}

interface Held {
  holds: number;
  tickets: number;
  points: bigint;
}

function holdIn(
  { held, balance }: { readonly held: Held; readonly balance: bigint | undefined },
  amount: Micropoints,
): Hold {
  if (balance !== undefined && held.points + amount > balance) {
    throw new SluiceError("insufficient_points", "The balance is out.");
  }
  held.holds += 1;
  held.points += amount;
  const release = () => {
    held.holds -= 1;
    held.points -= amount;
  };
  const settle = (charged: Micropoints) => {
    release();
    return { charged, loss: ZERO };
  };
  return { amount, release, settle, refund() {} };
}

/** One key a vendor. */
const deskOf = (held: Held): VendorDesk => ({
  standingOf: () => ({ breaker: "closed", firstTokenMs: undefined, errorRatio: 0 }),
  take(_route, tried) {
    if (tried.size > 0) return { ok: false, failure: NO_FURTHER_KEY };
    held.tickets += 1;
    return {
      ok: true,
      key: { id: "k", secret: "vendor-secret-0123456789", weight: 1 },
      report() {},
      release() {
        held.tickets -= 1;
      },
    };
  },
});

const NO_FURTHER_KEY = {
  fault: "vendor",
  code: "vendor_unavailable",
  status: 0,
  message: "no further key",
} as const;

const ROUTING = { strategy: "priority", weights: { cost: 1, performance: 0, quality: 0 } } as const;

export const frame = (event: object): string => JSON.stringify(event);

/** Everything that is ready has run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
