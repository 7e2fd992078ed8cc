import type { MediaRequest } from "../../core/media.ts";
import { nearestRatio } from "../aspect-ratio.ts";
import { unsupported } from "../failure/unsupported.ts";
import type { FormFields } from "./form-fields.ts";

/** The vendor's own name of edits whose words describe a new background; in all others they say what to change. */
const BACKGROUND_MODEL = "background";

const DRAWN_SIZES = {
  "1:1": "SQUARE_HD",
  "4:3": "LANDSCAPE_4_3",
  "16:9": "LANDSCAPE_16_9",
  "3:4": "PORTRAIT_4_3",
  "9:16": "PORTRAIT_16_9",
} as const;
const RATIOS = Object.keys(DRAWN_SIZES) as (keyof typeof DRAWN_SIZES)[]; // the keys of the literal above

/** The form of v2/edit. What the client says in the vendor's own names wins. */
export function editFields(
  request: MediaRequest,
  options: ReadonlyMap<string, string>,
  model: string,
): FormFields {
  // It is a size of v1/segment's, and the name of its cheaper price.
  if (options.has("size")) throw unsupported("size", "Sizes of edits are `outputSize`.");
  const fields: FormFields["fields"] = new Map();
  const dropped: string[] = [];
  if (request.operation === "image") draw(request, fields, dropped);
  else if (model === BACKGROUND_MODEL) changeBackground(request, fields);
  else change(request, fields, dropped);
  const { size, format, background } = request;
  if (size !== undefined) fields.set("outputSize", `${size.width}x${size.height}`);
  if (format !== undefined) fields.set("export.format", format);
  if (background === "transparent") fields.set("removeBackground", "true");
  if (background === "opaque") {
    if (fields.get("removeBackground") === "false") dropped.push("background");
    else fields.set("background.color", "FFFFFF");
  }
  for (const [name, value] of options) fields.set(name, value);
  return { path: "/v2/edit", fields, dropped };
}

/** A picture out of words alone, which the other options may then change. */
function draw(
  { prompt, negativePrompt, seed, size }: MediaRequest,
  fields: FormFields["fields"],
  dropped: string[],
) {
  fields.set("imageFromPrompt.prompt", prompt ?? "");
  fields.set("removeBackground", "false");
  const ratio = size && nearestRatio(size, RATIOS);
  if (ratio !== undefined) fields.set("imageFromPrompt.size", DRAWN_SIZES[ratio]);
  if (seed !== undefined) fields.set("imageFromPrompt.seed", String(seed));
  if (negativePrompt !== undefined) dropped.push("negative_prompt");
}

function changeBackground(request: MediaRequest, fields: FormFields["fields"]): void {
  const { prompt, negativePrompt, seed } = request;
  const [picture, backdrop, ...others] = request.inputs;
  if (picture === undefined) throw unsupported("image", "A new background needs a picture.");
  if (others.length > 0) throw unsupported("image", "Two pictures at most: the subject and its background.");
  fields.set("imageFile", picture);
  if (prompt !== undefined) fields.set("background.prompt", prompt);
  if (negativePrompt !== undefined) fields.set("background.negativePrompt", negativePrompt);
  if (seed !== undefined) fields.set("background.seed", String(seed));
  if (backdrop === undefined) return;
  // Beside words it is what the background is to be like; without, it is the background.
  fields.set(prompt === undefined ? "background.imageFile" : "background.guidance.imageFile", backdrop);
}

function change(request: MediaRequest, fields: FormFields["fields"], dropped: string[]): void {
  const { prompt, negativePrompt, seed } = request;
  const [picture, ...others] = request.inputs;
  if (picture === undefined) throw unsupported("image", "An edit needs a picture.");
  fields.set("imageFile", picture);
  if (negativePrompt !== undefined) dropped.push("negative_prompt");
  if (prompt === undefined) {
    if (others.length > 0) throw unsupported("image", "Without a prompt an edit takes one picture.");
    if (seed !== undefined) dropped.push("seed");
    return;
  }
  fields.set("removeBackground", "false");
  fields.set("editWithAI.mode", "ai.auto");
  fields.set("editWithAI.prompt", prompt);
  if (seed !== undefined) fields.set("editWithAI.seed", String(seed));
  for (const [index, other] of others.entries()) {
    fields.set(`editWithAI.additionalImages.image${index + 2}.imageFile`, other);
  }
}
