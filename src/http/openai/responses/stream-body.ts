import type { Clock } from "../../../core/clock.ts";
import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { TenantId } from "../../../core/ids.ts";
import type { Final, StreamGeneration } from "../../../gateway/gateway.ts";
import { generationBody, type Passage } from "../../generation-body.ts";
import { chargeComment } from "../stream-end.ts";
import { objectIn } from "./chat-pieces.ts";
import { createChunkReader } from "./chunk-pieces.ts";
import type { Keeping } from "./keeping.ts";
import { eventIn, OwnEvents, withData } from "./own-events.ts";
import { shownNames, shownText } from "./own-response.ts";
import type { ResponsesRequest } from "./request.ts";
import { ResponseEvents } from "./response-events.ts";
import type { ResponseAbout } from "./response-object.ts";

export interface StreamBodyPorts {
  readonly clock: Clock;
  readonly keeping: Keeping;
}

/** The whole answer is told once more at its end, so it stays in memory: four times what 128K tokens come to. */
export const MOST_RESPONSE_CHARS = 2 * 1024 * 1024;

/** How a generation ended, and that it was for its length if that was why it was cancelled. */
export function explained(final: Final, chars: number): Final {
  if (final.outcome !== "cancelled" || chars <= MOST_RESPONSE_CHARS) return final;
  const message = `The answer is longer than the ${MOST_RESPONSE_CHARS} characters that a response can hold.`;
  return { ...final, error: new SluiceError("request_cancelled", message) };
}

/**
 * A generation as the SSE body of a response: a vendor's own events as they came, everybody else's chunks as events;
 * both in one stream when another vendor goes on.
 */
export function streamBody(
  ports: StreamBodyPorts,
  generation: StreamGeneration,
  tenant: TenantId,
  about: ResponseAbout,
  request: ResponsesRequest,
): ReadableStream<Uint8Array> {
  const frames = new EventFrames(ports, tenant, about, request);
  const isTheirs = generation.started.dialect !== undefined;
  return generationBody(generation, {
    ...(isTheirs ? {} : { begin: () => encoder.encode(frames.begin()) }),
    of(passage) {
      const bytes = frames.of(passage);
      if (frames.chars > MOST_RESPONSE_CHARS) generation.cancel();
      return bytes;
    },
    end: async (final) => encoder.encode(await frames.end(explained(final, frames.chars))),
  });
}

const encoder = new TextEncoder();

/** The frames of one stream, whoever gives them. */
class EventFrames {
  readonly #own: OwnEvents;
  readonly #events: ResponseEvents;
  readonly #read = createChunkReader();
  /** The vendor's own last event. */
  #closing: string | undefined;
  #hasOwn = false;
  /** Events are written here: from the beginning, or since the vendor that spoke for itself died. */
  #isWriting = false;

  constructor(
    readonly ports: StreamBodyPorts,
    readonly tenant: TenantId,
    readonly about: ResponseAbout,
    readonly request: ResponsesRequest,
  ) {
    this.#own = new OwnEvents(about);
    this.#events = new ResponseEvents(about);
  }

  /** What is remembered until the end. */
  get chars(): number {
    return this.#own.chars + this.#events.chars;
  }

  /** "" behind a vendor's own beginning. */
  begin(): string {
    if (this.#isWriting) return "";
    this.#isWriting = true;
    if (!this.#hasOwn) return this.#events.begin();
    this.#events.goOnFrom(this.#own.state);
    return "";
  }

  of({ bytes, closing, dialect }: Passage): Uint8Array | undefined {
    if (dialect !== undefined) {
      this.#hasOwn = true;
      if (closing !== undefined) this.#closing = Buffer.from(closing).toString("utf8");
      return bytes === undefined ? undefined : this.#own.pass(bytes);
    }
    if (bytes === undefined) return undefined;
    const frames = this.begin() + this.#events.write(this.#read(bytes));
    return frames === "" ? undefined : encoder.encode(frames);
  }

  async end(final: Final): Promise<string> {
    if (final.error === undefined && this.#closing !== undefined && !this.#isWriting) {
      return chargeComment(final) + (await this.#ownEnd(this.#closing));
    }
    const begin = this.begin();
    const response = this.#events.end(final, Math.floor(this.ports.clock.now() / 1_000));
    const isKept = await this.#keep(response);
    return begin + this.#events.close(final, { ...response, store: isKept });
  }

  /** What a vendor said in its own words has told how it ended, and its usage. */
  async #ownEnd(frame: string): Promise<string> {
    const { data, event } = eventIn(frame);
    const response = objectIn(event?.response) ?? {};
    const isKept = await this.#keep({ ...response, ...shownNames(this.about, this.request.store) });
    const names = shownNames(this.about, isKept);
    return withData(frame, data, shownText(this.about, data, response, names, "response"));
  }

  async #keep(response: JsonObject): Promise<boolean> {
    return this.request.store && (await this.ports.keeping.keep(this.tenant, this.request, response));
  }
}
