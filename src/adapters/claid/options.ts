import type { JsonObject } from "../../core/generation.ts";
import type { MediaFormat, MediaRequest } from "../../core/media.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject } from "../json.ts";

/** Objects of the vendor's that a client may send along. */
const PARTS = ["operations", "options", "output", "object", "scene"] as const;
type Part = (typeof PARTS)[number];

/** What is inside them; the vendor refuses everything else. */
const KNOWN: Readonly<Record<Part, ReadonlySet<string>>> = {
  operations: new Set([
    "restorations",
    "adjustments",
    "background",
    "resizing",
    "padding",
    "privacy",
    "generative",
  ]),
  options: new Set(["model", "aspect_ratio", "inference_steps", "guidance_scale"]),
  output: new Set(["format", "metadata"]),
  object: new Set(["placement_type", "rotation_degree", "scale", "position", "padding"]),
  scene: new Set([
    "prompt",
    "negative_prompt",
    "model",
    "steps",
    "color",
    "aspect_ratio",
    "preference",
    "template_url",
    "view",
    "template_mode",
    "effect",
  ]),
};

/**
 * The vendor's own objects of a request, of which a call takes some.
 * @throws SluiceError `unsupported_parameter` with the path of what it does not take
 */
export function optionsFor(
  request: MediaRequest,
  allowed: readonly Part[],
): Readonly<Record<Part, JsonObject>> {
  const given: Record<Part, JsonObject> = { operations: {}, options: {}, output: {}, object: {}, scene: {} };
  for (const [name, value] of Object.entries(request.options)) {
    const part = allowed.find((known) => known === name);
    if (part === undefined) throw unsupported(name, `This model of Claid does not know '${name}'.`);
    // A text would be a place in the operator's own storage.
    if (!isObject(value)) throw unsupported(name, `'${name}' must be an object.`);
    for (const inner of Object.keys(value)) {
      const path = `${name}.${inner}`;
      if (!KNOWN[part].has(inner)) throw unsupported(path, `Claid does not take '${path}' from clients.`);
    }
    given[part] = value;
  }
  refuseStorages("options", given);
  return given;
}

export const outputFor = (format: MediaFormat | undefined): JsonObject =>
  format === undefined ? {} : { format };

/** Names of the operator's own storages, which are no client's business. */
function refuseStorages(path: string, value: unknown): void {
  if (typeof value === "string" && /^\s*storage:/i.test(value)) {
    throw unsupported(path, "Places in a storage cannot be named here.");
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value))
    refuseStorages(path === "options" ? name : `${path}.${name}`, inner);
}
