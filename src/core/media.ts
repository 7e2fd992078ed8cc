import type { JsonObject } from "./generation.ts";
import type { Usage } from "./usage.ts";

/** What can be asked of a vendor of pictures. */
export const MEDIA_OPERATIONS = ["image", "image_edit"] as const;
export type MediaOperation = (typeof MEDIA_OPERATIONS)[number];

const MEDIA: ReadonlySet<string> = new Set(MEDIA_OPERATIONS);

export const isMediaOperation = (name: string): name is MediaOperation => MEDIA.has(name);

/** One job for a vendor of pictures, in no dialect: what routing and pricing need, and what adapters translate. */
export interface MediaRequest {
  readonly operation: MediaOperation;
  /** The public model name asked for. */
  readonly model: string;
  /** Absent for edits that need no words, such as taking a background away. */
  readonly prompt?: string;
  readonly negativePrompt?: string;
  /** Pictures to work from, in the order they were sent. */
  readonly inputs: readonly MediaInput[];
  readonly mask?: MediaInput;
  /** How many pictures, at least 1. */
  readonly count: number;
  /** Pixels; absent: the vendor's own choice. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly quality?: string;
  readonly style?: string;
  readonly background?: "transparent" | "opaque" | "auto";
  readonly format?: MediaFormat;
  readonly seed?: number;
  /**
   * Fields of the vendor's own, under the vendor's own names (`background.prompt`, `operations`): what no other vendor
   * has. A vendor that does not know one says so: a typed error, or its name among the dropped. An object named as a kind
   * of vendor (`sandbox`, `midjourney`) is read by that kind and unseen by all others; `only: true` in it refuses them.
   */
  readonly options: JsonObject;
  /** The job of which this one is a variation or an enlargement: goes to the vendor that ran it, and to no other. */
  readonly parent?: { readonly vendor: string; readonly jobId: string };
}

export type MediaFormat = "png" | "jpeg" | "webp" | "avif";

export type MediaInput =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly contentType: string }
  /** On the open internet; looked at by whoever fetches it. Adapters hand it on where the vendor fetches by itself. */
  | { readonly kind: "url"; readonly url: string };

/** What a vendor made: not kept anywhere yet. Vendors' addresses expire, so it is copied at once. */
export interface MediaResult {
  readonly pictures: readonly MadePicture[];
  /** What it counts as: pictures made, and tokens where the vendor counts these. Undefined: the vendor did not say. */
  readonly usage: Usage | undefined;
  /** What came of it is no picture (words, a question back): then there need be none, and `extra` says what it is. */
  readonly isWithoutPictures?: true;
  /** Pictures asked for in calls whose answers were lost: they may have been made besides, and nobody has them. */
  readonly lost?: number;
  /** Fields that some dialects show: the prompt as the vendor rewrote it, seeds, buttons. */
  readonly extra?: JsonObject;
}

export type MadePicture =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly contentType: string }
  | { readonly kind: "url"; readonly url: string }
  /** The vendor made the others and refused this one (a safety stop inside a 200). Not charged. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string };
