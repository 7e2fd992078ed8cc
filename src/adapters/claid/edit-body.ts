import type { JsonObject } from "../../core/generation.ts";
import type { MediaRequest } from "../../core/media.ts";
import { isObject } from "../json.ts";
import { optionsFor, outputFor } from "./options.ts";

/** `operations` and `output` of an edit. What the client says in the vendor's own names wins. */
export function editBody(
  request: MediaRequest,
  removesBackground: boolean,
): { readonly body: JsonObject; readonly dropped: readonly string[] } {
  const { operations, output } = optionsFor(request, ["operations", "output"]);
  const { size, format, background } = request;
  const isTransparent = background === "transparent" || (removesBackground && background !== "opaque");
  const removal = removesBackground || background === "transparent";
  const own = isObject(operations.background) ? operations.background : {};
  const body = {
    operations: {
      ...(size && { resizing: { width: size.width, height: size.height, fit: "crop" } }),
      ...operations,
      ...(removal && {
        background: { remove: true, color: isTransparent ? "transparent" : "#ffffff", ...own },
      }),
    },
    // Only png can be transparent; jpeg is what the vendor writes when nothing is said.
    output: { ...outputFor(format ?? (isTransparent ? "png" : undefined)), ...output },
  };
  const dropped = (["quality", "style", "seed"] as const).filter((name) => request[name] !== undefined);
  return { body, dropped: request.negativePrompt === undefined ? dropped : [...dropped, "negative_prompt"] };
}
