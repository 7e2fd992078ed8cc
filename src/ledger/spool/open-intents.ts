import type { RequestId } from "../../core/ids.ts";
import type { Segment } from "./segment.ts";

/** Which segment holds the INTENT of each request that has no USAGE yet: it must not be deleted. */
export class OpenIntents {
  readonly #segments = new Map<RequestId, Segment>();

  get count(): number {
    return this.#segments.size;
  }

  /** One that was open stands in this segment from now on. */
  open(id: RequestId, segment: Segment): void {
    this.close(id);
    segment.openIntents += 1;
    this.#segments.set(id, segment);
  }

  close(id: RequestId): void {
    const segment = this.#segments.get(id);
    if (segment === undefined) return;
    segment.openIntents -= 1;
    this.#segments.delete(id);
  }
}
