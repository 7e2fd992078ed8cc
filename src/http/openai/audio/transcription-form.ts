import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { UploadedSound } from "../../../gateway/requests/transcription.ts";
import type { FormEntry } from "../../form-entries.ts";

const NUMBERS: ReadonlySet<string> = new Set(["temperature"]);

/**
 * A form as a body has it, and its file: `include[]` and fields that come twice are lists. JSON stays text, as the form
 * goes on as a form. Throws SluiceError `invalid_request`.
 */
export function readTranscriptionForm(entries: readonly FormEntry[]): {
  readonly body: JsonObject;
  readonly file: UploadedSound | undefined;
} {
  const body: Record<string, unknown> = {};
  let file: UploadedSound | undefined;
  for (const [name, value] of entries) {
    if (typeof value !== "string") {
      if (name !== "file" || file !== undefined) {
        throw new SluiceError("invalid_request", `The file '${name.slice(0, 64)}' is not expected here.`, {
          param: name.slice(0, 64),
        });
      }
      file = { ...value, name: value.name === "" ? "audio" : value.name };
      continue;
    }
    const [, field = name] = /^(.+)\[\d*\]$/.exec(name) ?? [];
    const before = body[field];
    if (field !== name) body[field] = [...(Array.isArray(before) ? before : []), value];
    else body[field] = before === undefined ? plainOf(name, value) : [before, value].flat();
  }
  return { body, file };
}

/** A form knows nothing but text. */
function plainOf(name: string, value: string): unknown {
  if (NUMBERS.has(name)) return value.trim() === "" || Number.isNaN(Number(value)) ? value : Number(value);
  if (name === "stream") return value === "true" || value === "1";
  return value;
}
