import type { ClientFrame, SocketEnd } from "../../adapters/realtime-adapter.ts";
import { asSluiceError, type ErrorCode, SluiceError } from "../../core/errors.ts";
import { micropointsOf, ZERO } from "../../core/points.ts";
import { completionTokens, promptTokens } from "../../core/usage.ts";
import type { Attempt } from "../attempt.ts";
import type { Charge, ChargePorts } from "../charge.ts";
import type { Started } from "../gateway.ts";
import { pricedBy } from "../routes.ts";
import type { Ticket } from "../vendor-desk.ts";
import { Account } from "./account.ts";
import {
  type ConversationEnd,
  clientsFault,
  type Ending,
  endedBy,
  GOING_AWAY,
  IDLE,
  INTERNAL,
  INTERRUPTED,
  LOST,
  NO_CODE,
  NORMAL,
  POLICY,
  SLOW,
  TOO_FAST,
  TOO_LONG,
  TOO_MANY_ANSWERS,
  unsupported,
  vendorFailed,
} from "./endings.ts";
import type { GrowingHold } from "./growing-hold.ts";
import {
  ASK_AGAIN_MS,
  CONVERSATION_IDLE_MS,
  LAST_ANSWERS_MS,
  LOOK_MS,
  MOST_ANSWERS,
  MOST_CONVERSATION_MS,
  MOST_UNSENT_BYTES,
  NEXT_PROMPT_TOKENS,
  PAUSE_BYTES,
  RESUME_BYTES,
} from "./limits.ts";
import type { Opened } from "./opening.ts";

/** The client's end, in the words of its dialect. */
export interface ClientEnd extends Omit<SocketEnd, "send" | "close" | "drop"> {
  /** False: it was lost, since too much waits already. */
  send(frame: string): boolean;
  /** Why something was not sent to the vendor; the conversation goes on. */
  tell(error: SluiceError): void;
  /** Tells the error first, where there is one. Once. */
  end(ending: ConversationEnd): void;
}

export interface ConversationParts {
  readonly attempt: Attempt;
  readonly ticket: Ticket;
  readonly opened: Opened;
  readonly charge: Charge;
  readonly hold: GrowingHold;
  readonly started: Started;
  readonly isStillGood: () => unknown;
}

/** What a key's holder is refused with; anything else (an unreachable database) is no reason to end what runs. */
const SHUT_OUT: ReadonlySet<ErrorCode> = new Set(["invalid_api_key", "ip_not_allowed", "permission_denied"]);

/**
 * One conversation: frames pass in both directions as they come, and what the vendor says it used is charged as it goes.
 * A client's frame goes no further until all that it may cost is held.
 * Owns both ends, the hold and the place at the vendor, until `over`.
 */
export class Conversation {
  readonly over: Promise<void>;
  readonly started: Started;
  readonly #account: Account;
  readonly #vendor: SocketEnd;
  readonly #startedAt: number;
  readonly #resolveOver: () => void;
  #client: ClientEnd | undefined;
  /** Set once it is over. */
  #shown: ConversationEnd | undefined;
  #stopLooking: () => void;
  #stopAsking: (() => void) | undefined;
  #heardAt: number;
  /** Frames of the client for which more must be held first, in their order. */
  readonly #waiting: { readonly frame: string; readonly weight: ClientFrame }[] = [];
  #waitingChars = 0;
  /** Once there are no points for more: how it ends when what is under way is over, at the latest when (monotonic). */
  #last: { readonly ending: Ending; readonly until: number } | undefined;
  #isVendorPaused = false;
  #isGrowing = false;
  #isLooking = false;
  #isEnded = false;

  constructor(
    readonly ports: ChargePorts,
    readonly parts: ConversationParts,
  ) {
    const { attempt, opened, charge } = parts;
    const { route } = attempt;
    if (route.price === undefined) throw new Error("a conversation without a price");
    const { clock, telemetry } = ports;
    this.started = parts.started;
    this.#account = new Account(pricedBy(route, charge.admittedAt), route.price.spec, route.maxOutputTokens);
    this.#vendor = opened.end;
    this.#startedAt = clock.monotonic();
    this.#heardAt = this.#startedAt;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#resolveOver = resolve;
    charge.runner = this;
    this.#stopLooking = clock.every(LOOK_MS, () => this.#look());
    telemetry.streamOpened();
  }

  /** The node stops. */
  stop(): void {
    this.#end(INTERRUPTED);
  }

  /** The client's end stands: from here on frames pass. Once. */
  attach(client: ClientEnd): void {
    if (this.#shown !== undefined) {
      client.end(this.#shown);
      return;
    }
    this.#client = client;
    this.parts.opened.listen({
      frame: (text) => this.#fromVendor(text),
      binary: () => this.#end(vendorFailed("The vendor sent a binary frame.")),
      closed: (code, reason) => this.#vendorClosed(code, reason),
    });
  }

  fromClient(frame: string): void {
    // What is said after the last point was held goes nowhere.
    if (this.#isEnded || this.#last !== undefined) return;
    this.#heardAt = this.ports.clock.monotonic();
    const weight = this.parts.opened.reader.weigh(frame);
    if (weight.refused !== undefined) {
      this.#client?.tell(unsupported(weight.refused));
      return;
    }
    if (this.#waiting.length === 0 && this.#isHeld(weight)) {
      this.#pass(frame, weight);
      return;
    }
    this.#waiting.push({ frame, weight });
    this.#waitingChars += frame.length;
    if (this.#waitingChars > MOST_UNSENT_BYTES && this.#waiting.length > 1) this.#end(TOO_FAST);
    else if (this.#waiting.length === 1) {
      this.#client?.pause();
      this.#grow();
    }
  }

  #pass(frame: string, weight: ClientFrame): void {
    const { reader } = this.parts.opened;
    // One frame may be as large as it likes: a picture, minutes of sound.
    const isBehind = this.#vendor.unsentBytes > MOST_UNSENT_BYTES;
    reader.sent(weight);
    this.#vendor.send(frame);
    if (reader.answers > MOST_ANSWERS) this.#end(TOO_MANY_ANSWERS);
    else if (isBehind) this.#end(vendorFailed("The vendor reads too slowly."));
    else if (this.#vendor.unsentBytes > PAUSE_BYTES && this.#stopAsking === undefined) this.#pauseClient();
  }

  /** What waited for a hold goes on, as far as that reaches. */
  #passWaiting(): void {
    if (this.#waiting.length === 0) return;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#isEnded || !this.#isHeld(next.weight)) return;
      this.#waiting.shift();
      this.#waitingChars -= next.frame.length;
      this.#pass(next.frame, next.weight);
    }
    if (this.#stopAsking === undefined) this.#client?.resume();
  }

  #isHeld(next: ClientFrame): boolean {
    const { hold, opened } = this.parts;
    return hold.amount >= this.#account.cost + this.#account.needed(opened.reader.prompts(next));
  }

  /** The client has read what was held for it. */
  clientDrained(): void {
    const left = this.#client?.unsentBytes ?? 0;
    if (!this.#isVendorPaused || left > RESUME_BYTES) return;
    this.#isVendorPaused = false;
    this.#vendor.resume();
  }

  /** The client has left: the vendor is closed at once, and what was used is charged. */
  clientClosed(code: number): void {
    const outcome = code === LOST ? "cancelled" : "completed";
    this.#end({
      outcome,
      code: NORMAL,
      reason: "",
      errorCode: outcome === "cancelled" ? "request_cancelled" : null,
      isClients: true,
    });
  }

  #fromVendor(text: string): void {
    if (this.#isEnded) return;
    this.#heardAt = this.ports.clock.monotonic();
    const { usage, isEstimated, answers, shown, refusal } = this.parts.opened.reader.fromVendor(text);
    if (this.parts.opened.reader.answers > MOST_ANSWERS) {
      this.#end(TOO_MANY_ANSWERS);
      return;
    }
    if (refusal !== undefined) {
      this.#end(endedBy("truncated", POLICY, new SluiceError("stream_truncated", refusal)));
      return;
    }
    if (usage !== undefined) this.#account.add(usage, isEstimated);
    if (usage !== undefined || answers === true) {
      this.#tellProgress();
      this.#grow();
    } else if (this.parts.charge.isProgressDue()) this.#tellProgress();
    this.#show(shown ?? text);
    if (this.#last !== undefined && this.parts.opened.reader.answers === 0) this.#end(this.#last.ending);
  }

  #show(frame: string): void {
    const client = this.#client;
    if (client === undefined || this.#isEnded) return;
    const isTaken = client.send(frame);
    const { unsentBytes } = client;
    if (!isTaken || unsentBytes > MOST_UNSENT_BYTES) this.#end(SLOW);
    else if (unsentBytes > PAUSE_BYTES && !this.#isVendorPaused) {
      this.#isVendorPaused = true;
      this.#vendor.pause();
    }
  }

  #vendorClosed(code: number, words: string): void {
    const reason = this.parts.opened.reader.shownReason(words);
    if (code === NORMAL || code === GOING_AWAY || code === NO_CODE) {
      const shown = code === NO_CODE ? NORMAL : code;
      this.#end({ outcome: "completed", code: shown, reason, errorCode: null });
      return;
    }
    const message =
      code === LOST ? "The vendor's connection was lost." : `The vendor ended the conversation (${code}).`;
    const error = new SluiceError("stream_truncated", message);
    // Its own codes are the client's to know; a lost connection has none that may be sent.
    this.#end({
      outcome: "truncated",
      code: code === LOST ? INTERNAL : code,
      reason,
      errorCode: error.code,
      ...(code === LOST ? { error } : {}),
    });
  }

  #pauseClient(): void {
    this.#client?.pause();
    const ask = (): void => {
      this.#stopAsking = undefined;
      if (this.#isEnded) return;
      if (this.#vendor.unsentBytes > RESUME_BYTES)
        this.#stopAsking = this.ports.clock.after(ASK_AGAIN_MS, ask);
      else if (this.#waiting.length === 0) this.#client?.resume();
    };
    this.#stopAsking = this.ports.clock.after(ASK_AGAIN_MS, ask);
  }

  /** Holds for what is under way, waits, or comes next; a balance that is out ends the conversation, which has been paid for so far. */
  #grow(): void {
    const { hold, opened } = this.parts;
    if (this.#isGrowing || this.#isEnded || this.#last !== undefined) return;
    const [next] = this.#waiting;
    const prompts = opened.reader.prompts(next?.weight).map((tokens) => tokens + NEXT_PROMPT_TOKENS);
    const wanted = this.#account.cost + this.#account.needed(prompts);
    if (hold.amount >= wanted) return;
    this.#isGrowing = true;
    hold.grow(micropointsOf(wanted - hold.amount)).then(
      () => {
        this.#isGrowing = false;
        // A note is never above the hold: what was noted before may have been cut off by it.
        if (!this.#isEnded) this.#tellProgress();
        this.#passWaiting();
        this.#grow();
      },
      (thrown: unknown) => {
        this.#isGrowing = false;
        this.#endAfterAnswers(clientsFault(POLICY, asSluiceError(thrown)));
      },
    );
  }

  /** What is under way was held for, so it may be told: then its cost is known, too. */
  #endAfterAnswers(ending: Ending): void {
    if (this.#isEnded) return;
    if (this.parts.opened.reader.answers === 0) {
      this.#end(ending);
      return;
    }
    this.#last = { ending, until: this.ports.clock.monotonic() + LAST_ANSWERS_MS };
    this.#waiting.length = 0;
    this.#client?.resume();
  }

  #look(): void {
    const now = this.ports.clock.monotonic();
    if (this.#last !== undefined && now >= this.#last.until) this.#end(this.#last.ending);
    else if (now - this.#startedAt >= MOST_CONVERSATION_MS) this.#end(TOO_LONG);
    else if (now - this.#heardAt >= CONVERSATION_IDLE_MS) this.#end(IDLE);
    else {
      this.#grow();
      void this.#checkKey();
    }
  }

  async #checkKey(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.parts.isStillGood();
    } catch (thrown) {
      const error = asSluiceError(thrown);
      if (SHUT_OUT.has(error.code)) {
        this.#end(endedBy("truncated", POLICY, error));
      }
    } finally {
      this.#isLooking = false;
    }
  }

  #tellProgress(): void {
    const { charge, attempt, opened } = this.parts;
    const { usage, cost } = this.#account.withPending(opened.reader.pending(false));
    charge.progress(attempt.route, usage, cost);
  }

  #end(ending: Ending): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#stopLooking();
    this.#stopAsking?.();
    this.#waiting.length = 0;
    const pending = this.parts.opened.reader.pending(ending.isClients === true);
    if (promptTokens(pending) + completionTokens(pending) > 0) this.#account.add(pending, true);
    this.#vendor.close(NORMAL, "");
    void this.#settle(ending);
  }

  async #settle({ outcome, code, reason, errorCode, error }: Ending): Promise<void> {
    const { charge, attempt, ticket } = this.parts;
    const { telemetry, log } = this.ports;
    const metered = this.#account.metered();
    telemetry.streamClosed();
    attempt.abandon();
    ticket.release();
    let shown: ConversationEnd = { code, reason, ...(error === undefined ? {} : { error }) };
    try {
      const firstTokenAt = metered.cost > ZERO ? this.#startedAt : undefined;
      await charge.settle({
        outcome,
        metered,
        route: attempt.route,
        finishReason: null,
        errorCode,
        firstTokenAt,
      });
    } catch (cause) {
      log.error("a conversation's charge could not be written to the spool", {
        request: charge.requestId,
        cause: String(cause),
      });
      const unbooked = new SluiceError("internal_error", "The conversation could not be booked.");
      shown = { code: INTERNAL, reason: unbooked.code, error: unbooked };
    }
    this.#shown = shown;
    this.#client?.end(shown);
    this.#resolveOver();
  }
}
