import type { SizeBounds } from "../../fitted-size.ts";

/**
 * How a picture model of Model Studio is spoken to.
 * - `chat`: the answer holds the pictures, one a call
 * - `messages`: a job of words and pictures (Wan from 2.6 on)
 * - `words`: a job of words (Wan before 2.6, text to image)
 * - `pictures`: a job of words and pictures (Wan 2.5, image to image)
 * - `function`: a job of one picture and what is to be done with it (wanx2.1-imageedit)
 */
export type Protocol = "chat" | "messages" | "words" | "pictures" | "function";

export interface Traits {
  readonly protocol: Protocol;
  readonly path: string;
  /** Undefined: it draws in the size of the picture to work from. */
  readonly sizes: SizeBounds | readonly string[] | undefined;
  readonly takesNegativePrompt: boolean;
  /** Fields of the vendor's own that belong beside the size. */
  readonly parameters: ReadonlySet<string>;
  /** And beside the prompt. */
  readonly inputs: ReadonlySet<string>;
  readonly mostInputs: number;
}

const AIGC = "/services/aigc";
const USUAL = ["prompt_extend", "watermark"];
const NONE: ReadonlySet<string> = new Set();
/** The older qwen-image models draw these and no others. */
const FEW_SIZES = ["1664*928", "1472*1104", "1328*1328", "1104*1472", "928*1664"];

/** By its name. Sources: Model Studio's pages on Wan (text to image v2, image edit 2.1, 2.5 and 2.6) and Qwen-Image. */
export function traitsOf(model: string): Traits {
  const name = model.toLowerCase();
  if (!name.startsWith("wan")) return qwenImage(name);
  if (name.includes("imageedit")) return IMAGE_EDIT;
  const version = versionOf(name);
  if (name.includes("i2i")) return IMAGE_TO_IMAGE;
  return version >= 206 ? withMessages(version) : textToImage(version);
}

/** wan2.6 is 206; a name without one is the newest. */
function versionOf(name: string): number {
  const [, major, minor] = /^wanx?(\d{1,2})\.(\d{1,2})/.exec(name) ?? [];
  return major === undefined ? Number.POSITIVE_INFINITY : Number(major) * 100 + Number(minor);
}

function qwenImage(name: string): Traits {
  const isEdit = name.includes("edit");
  const isOlder = /^qwen-image(?:-plus|-max)?(?:-\d{4}.*)?$/.test(name);
  return {
    protocol: "chat",
    path: `${AIGC}/multimodal-generation/generation`,
    sizes: isOlder
      ? FEW_SIZES
      : /^qwen-image-edit(?:-\d{4}.*)?$/.test(name)
        ? undefined
        : { pixels: [512 * 512, 2_048 * 2_048] },
    takesNegativePrompt: true,
    parameters: new Set(USUAL),
    inputs: NONE,
    mostInputs: isOlder && !isEdit ? 0 : 3,
  };
}

const withMessages = (version: number): Traits => ({
  protocol: "messages",
  path: `${AIGC}/image-generation/generation`,
  sizes: { pixels: version < 207 ? [768 * 768, 1_440 * 1_440] : [768 * 768, 4_096 * 4_096] },
  // From 2.7 on the model thinks instead.
  takesNegativePrompt: version < 207,
  parameters: new Set(version < 207 ? USUAL : ["watermark", "thinking_mode", "bbox_list"]),
  inputs: NONE,
  mostInputs: version < 207 ? 4 : 9,
});

const textToImage = (version: number): Traits => ({
  protocol: "words",
  path: `${AIGC}/text2image/image-synthesis`,
  sizes:
    version < 205
      ? { pixels: [512 * 512, 1_440 * 1_440], side: [512, 1_440] }
      : { pixels: [768 * 768, 1_440 * 1_440] },
  takesNegativePrompt: true,
  parameters: new Set(USUAL),
  inputs: NONE,
  mostInputs: 0,
});

const EDIT_PATH = `${AIGC}/image2image/image-synthesis`;

const IMAGE_TO_IMAGE: Traits = {
  protocol: "pictures",
  path: EDIT_PATH,
  sizes: { pixels: [768 * 768, 1_280 * 1_280] },
  takesNegativePrompt: true,
  parameters: new Set(USUAL),
  inputs: NONE,
  mostInputs: 3,
};

const IMAGE_EDIT: Traits = {
  protocol: "function",
  path: EDIT_PATH,
  sizes: undefined,
  takesNegativePrompt: false,
  parameters: new Set([
    ...["watermark", "strength", "upscale_factor", "is_sketch"],
    ...["top_scale", "bottom_scale", "left_scale", "right_scale"],
  ]),
  inputs: new Set(["function", "mask_image_url"]),
  mostInputs: 1,
};
