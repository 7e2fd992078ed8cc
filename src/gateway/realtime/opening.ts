import type { RealtimeReader, SocketEars, SocketEnd } from "../../adapters/realtime-adapter.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { Attempt } from "../attempt.ts";
import { WAITING_FRAMES } from "./limits.ts";

/** A conversation that its vendor has taken. */
export interface Opened {
  readonly end: SocketEnd;
  readonly reader: RealtimeReader;
  /** Hands everything over, what has come so far first. Called once. */
  listen(ears: Omit<SocketEars, "opened">): void;
}

/**
 * Opens a vendor's end and waits until it says that the conversation is there: OpenAI answers every handshake with 101, a
 * bad key's too, and says what is wrong behind it. Never rejects.
 */
export function openVendor(
  attempt: Attempt,
  dial: (ears: SocketEars) => SocketEnd,
  reader: RealtimeReader,
): Promise<Opened | VendorFailure> {
  const { promise, resolve } = Promise.withResolvers<Opened | VendorFailure>();
  const early: ((ears: Omit<SocketEars, "opened">) => void)[] = [];
  let ears: Omit<SocketEars, "opened"> | undefined;
  let isOpened = false;

  const tell = (news: (ears: Omit<SocketEars, "opened">) => void): void => {
    if (ears !== undefined) news(ears);
    else if (early.length < WAITING_FRAMES) early.push(news);
    // A vendor that talks on before anybody listens.
    else end.drop();
  };
  const fail = (failure: VendorFailure): void => {
    attempt.signal.removeEventListener("abort", abort);
    resolve(failure);
    end.drop();
  };
  const abort = (): void => {
    if (!isOpened) fail(attempt.failureOf(ABORTED));
  };
  attempt.reached("connecting");
  const end = dial({
    opened() {
      attempt.reached("connected");
      attempt.reached("sent");
    },
    frame(text) {
      if (isOpened) {
        tell((to) => to.frame(text));
        return;
      }
      const news = reader.fromVendor(text);
      // An error ends it here, whether or not a close follows: nothing has begun yet.
      if (news.failure !== undefined) fail(news.failure);
      if (news.begins !== true) return;
      isOpened = true;
      attempt.signal.removeEventListener("abort", abort);
      early.push((to) => to.frame(text));
      resolve({
        end,
        reader,
        listen(those) {
          ears = those;
          for (const news of early.splice(0)) news(those);
        },
      });
    },
    binary: () => tell((to) => to.binary()),
    closed(code, reason) {
      if (isOpened && ears === undefined) early.push((to) => to.closed(code, reason));
      else if (isOpened) ears?.closed(code, reason);
      else fail(attempt.endedBy === undefined ? reader.closed(code) : attempt.failureOf(ABORTED));
    },
  });
  attempt.signal.addEventListener("abort", abort, { once: true });
  if (attempt.signal.aborted) abort();
  return promise;
}

const ABORTED = { name: "AbortError" };
