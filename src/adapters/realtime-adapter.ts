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
  fromClient(frame: string): void;
  /** Why the vendor closed before it began; its close codes say what the key or the model lacks. */
  closed(code: number): VendorFailure;
  /** The vendor's words for a close, without its key. */
  shownReason(reason: string): string;
  /** What is under way and not told yet, estimated: an answer that is being given, and what it has read. */
  readonly pending: Usage;
  /** Tokens that the next answer reads at least: what was said and heard so far. */
  readonly contextTokens: number;
}

export interface RealtimeNews {
  /** The vendor has taken the conversation. */
  readonly begins?: true;
  /** What was used since it was told last. */
  readonly usage?: Usage;
  /** An error was told. Most conversations go on behind one. */
  readonly failure?: VendorFailure;
  /** Goes to the client in place of the frame: an error may quote the key. */
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
