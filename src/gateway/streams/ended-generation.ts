import type { Passage } from "../../adapters/adapter.ts";
import type { StreamGeneration } from "../gateway.ts";
import type { DoneEntry, StreamAbout } from "./entry.ts";

/** A generation that ended elsewhere: nothing more comes of it but its end. */
export class EndedGeneration implements StreamGeneration {
  readonly kind = "stream";
  readonly streamId;
  readonly started;
  readonly final;
  #passage: Passage | null;

  constructor(about: StreamAbout, { final, finishes, receipt }: DoneEntry) {
    const { streamId, requestId, vendor, vendorModel, attempts } = about;
    this.streamId = streamId;
    this.started = { requestId: receipt ?? requestId, vendor, vendorModel, attempts };
    this.final = final;
    const events = finishes.map(({ choice, reason }) => ({ type: "finish", choice, reason }) as const);
    this.#passage = { events, hasContent: false };
  }

  poll(): Passage | null {
    const passage = this.#passage;
    this.#passage = null;
    return passage;
  }

  /** Everything is there. */
  whenReady(): void {}

  cancel(): void {}
}
