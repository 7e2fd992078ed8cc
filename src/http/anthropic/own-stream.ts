import type { JsonObject } from "../../core/generation.ts";
import { objectIn } from "../openai/responses/chat-pieces.ts";
import { chunksIn } from "../openai/responses/chunk-pieces.ts";
import type { BlockState } from "./message-events.ts";

/** In every event that opens or closes a block; a text may hold it too, which is then read for nothing. */
const MARK = Buffer.from("content_block_st");

/** Follows which blocks a vendor's own stream has begun and ended, for when another vendor has to go on with it. */
export class OwnStream {
  #count = 0;
  #open: BlockState["open"];

  get state(): BlockState {
    return { count: this.#count, open: this.#open };
  }

  /** @param frames whole ones */
  see(frames: Uint8Array): void {
    const bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength);
    if (!bytes.includes(MARK)) return;
    for (const event of chunksIn(bytes.toString("utf8"))) this.#note(event);
  }

  #note(event: JsonObject): void {
    const index = Number.isSafeInteger(event.index) ? Number(event.index) : -1;
    // What has no place has none behind which anything could be written.
    if (index < 0) return;
    if (event.type === "content_block_stop" && this.#open?.index === index) this.#open = undefined;
    if (event.type !== "content_block_start") return;
    this.#count = Math.max(this.#count, index + 1);
    this.#open = { index, type: String(objectIn(event.content_block)?.type) };
  }
}
