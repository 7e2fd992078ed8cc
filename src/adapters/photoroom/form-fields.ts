import type { MediaInput } from "../../core/media.ts";

/** Fields of a form in the order in which they are written, and what could not be said. */
export interface FormFields {
  readonly path: string;
  readonly fields: Map<string, string | MediaInput>;
  readonly dropped: string[];
}
