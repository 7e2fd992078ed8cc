import type { Usage } from "../core/usage.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { Target } from "./adapter.ts";

/** A vendor's conversations over a WebSocket, as pure translation: where it is opened, and what its frames mean. */
export interface RealtimeAdapter {
  /** Throws SluiceError for what cannot be expressed. */
  buildSocket(target: Target): SocketCall;
  /** A reader for the frames of one conversation. `secret` is the key that was used, to be scrubbed out of errors. */
  openReader(secret: string): RealtimeReader;
  /** Replaces the network: only for a vendor that lives inside the process. */
  readonly dial?: Dial;
}

export interface SocketCall {
  /** `wss:` or `ws:`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads frames as they pass, and says what metering must know. Never throws. */
export interface RealtimeReader {
  fromVendor(frame: string): RealtimeNews;
  /** What a client's frame adds; counted once it was `sent`. */
  weigh(frame: string): ClientFrame;
  sent(frame: ClientFrame): void;
  /** Why the vendor closed before it began; its close codes say what the key or the model lacks. */
  closed(code: number): VendorFailure;
  /** The vendor's words for a close, without its key. */
  shownReason(reason: string): string;
  /**
   * What is under way and not told yet, estimated: answers that are being given, and what they have read.
   * @param withAsked also answers that were asked for and have not begun: their prompt is with the vendor
   */
  pending(withAsked: boolean): Usage;
  /** Answers that were asked for or are being given. */
  readonly answers: number;
  /**
   * Tokens that each of them reads at most, or the next one where there are none.
   * @param next a frame that is about to be sent
   */
  prompts(next?: ClientFrame): readonly number[];
}

/** What a client's frame puts into a conversation. */
export interface ClientFrame {
  /** UTF-8 bytes of text. */
  readonly typedBytes: number;
  /** Characters of sound in base64. */
  readonly heardChars: number;
  readonly images: number;
  /** 0: it asks for no answer. Else how often that answer may read all that was said. */
  readonly asks: number;
  /** The field for which it is not sent: what the price does not know, or what is the platform's own at the vendor. */
  readonly refused?: string;
}

export interface RealtimeNews {
  /** The vendor has taken the conversation. */
  readonly begins?: true;
  /** An answer has begun. */
  readonly answers?: true;
  /** What was used since it was told last. */
  readonly usage?: Usage;
  /** The vendor did not say it. */
  readonly isEstimated?: true;
  /** Why the conversation cannot go on at its price. */
  readonly refusal?: string;
  /** An error was told. Most conversations go on behind one. */
  readonly failure?: VendorFailure;
  /** Goes to the client in place of the frame: it quotes the key. */
  readonly shown?: string;
}

/** One end of an open WebSocket, as whoever relays it sees it. Text frames only. */
export interface SocketEnd {
  send(frame: string): void;
  /** Bytes that were given to `send` and have not left. */
  readonly unsentBytes: number;
  /** Nothing more is read until `resume`; what was read already may still come. */
  pause(): void;
  resume(): void;
  /** The closing handshake; `drop` does without. */
  close(code: number, reason: string): void;
  drop(): void;
}

/** Told of what happens at one end; after `closed` nothing more. */
export interface SocketEars {
  opened(): void;
  frame(text: string): void;
  /** A binary frame, which nobody here speaks. */
  binary(): void;
  /** 1005: without a code; 1006: the connection was lost, or never stood. */
  closed(code: number, reason: string): void;
}

export type Dial = (call: SocketCall, ears: SocketEars) => SocketEnd;
