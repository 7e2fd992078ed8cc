import type { JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { isObject, numberOf, objectOf, parseJson, textOf } from "../json.ts";
import { unreadable } from "../openai-family/errors.ts";
import { NOTHING_SHOWN, type Shown } from "../openai-frames/shown.ts";
import type { WireReader } from "../openai-frames/translated-stream.ts";
import { createBlockReader } from "./blocks.ts";
import { failureInside } from "./errors.ts";
import { finishReasonOf } from "./stop-reason.ts";
import { laterUsage, usageOf } from "./usage.ts";

/** Reads the events of one stream. The `event:` line of a frame says nothing that does not stand in its data too. */
export interface EventReader extends WireReader {
  readEvent(event: JsonObject): readonly Shown[];
}

/** @param secret scrubbed out of errors inside the stream */
export const createEventReader = (secret: string): EventReader => new Events(secret);

class Events implements EventReader {
  id = "";
  model = "";
  readonly #blocks = createBlockReader();
  #usage: JsonObject = {};
  #hasBegun = false;
  #isFinished = false;

  constructor(readonly secret: string) {}

  readData(data: string): readonly Shown[] {
    const event = parseJson(data);
    return isObject(event) ? this.readEvent(event) : failed(UNREADABLE);
  }

  readEvent(event: JsonObject): readonly Shown[] {
    // Anthropic's own SDK takes what comes before the beginning for an error.
    if (!this.#hasBegun && BEHIND_THE_BEGINNING.has(String(event.type))) return failed(NOT_BEGUN);
    const index = numberOf(event.index) ?? 0;
    switch (event.type) {
      case "message_start":
        return this.#begin(objectOf(event.message) ?? {});
      case "content_block_start":
        return this.#blocks.open(index, objectOf(event.content_block) ?? {});
      case "content_block_delta":
        return this.#blocks.delta(index, objectOf(event.delta) ?? {});
      case "content_block_stop":
        return this.#blocks.close(index);
      case "message_delta":
        return this.#finish(event);
      case "message_stop":
        return [{ type: "end" }];
      default:
        // `ping`, and whatever may come to be: only errors must not be passed over.
        return isObject(event.error)
          ? failed(failureInside(event, this.secret) ?? UNREADABLE)
          : NOTHING_SHOWN;
    }
  }

  closed(): readonly Shown[] {
    return NOTHING_SHOWN;
  }

  #begin(message: JsonObject): readonly Shown[] {
    this.#hasBegun = true;
    this.id = textOf(message.id) ?? this.id;
    this.model = textOf(message.model) ?? this.model;
    return this.#tellUsage(message.usage);
  }

  #tellUsage(told: unknown): readonly Shown[] {
    if (!isObject(told)) return NOTHING_SHOWN;
    this.#usage = laterUsage(this.#usage, told);
    const usage = usageOf(this.#usage);
    return usage === undefined ? NOTHING_SHOWN : [{ type: "usage", usage }];
  }

  #finish(event: JsonObject): readonly Shown[] {
    const delta = objectOf(event.delta) ?? {};
    const reason = textOf(delta.stop_reason);
    const told = this.#tellUsage(event.usage);
    if (reason === undefined || this.#isFinished) return told;
    this.#isFinished = true;
    const why = refusalWords(objectOf(delta.stop_details) ?? objectOf(event.stop_details));
    const end: Shown = { type: "finish", choice: 0, reason: finishReasonOf(reason) };
    return [...why, ...this.#blocks.carried(), end, ...told];
  }
}

const BEHIND_THE_BEGINNING = new Set([
  ...["content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"],
]);
const NOT_BEGUN = unreadable("not_begun", "The vendor's stream went on before it had begun.");
const UNREADABLE = unreadable("invalid_frame", "The vendor's stream held a frame that is not a JSON object.");

const failed = (failure: VendorFailure): readonly Shown[] => [{ type: "failure", failure }];

/** Why the model refused, in its own words. */
function refusalWords(details: JsonObject | undefined): readonly Shown[] {
  const text = details?.type === "refusal" ? textOf(details.explanation) : undefined;
  return text === undefined ? NOTHING_SHOWN : [{ type: "refusal", choice: 0, text }];
}
