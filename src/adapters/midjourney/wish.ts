import type { JsonObject } from "../../core/generation.ts";
import type { MediaRequest } from "../../core/media.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, objectOf, textOf } from "../json.ts";

/** What can be asked of midjourney-proxy. `IMAGE_SEED` is a question about a job, the others are jobs. */
const MJ_ACTIONS = [
  "IMAGINE",
  "BLEND",
  "DESCRIBE",
  "SHORTEN",
  "UPSCALE",
  "VARIATION",
  "REROLL",
  "ACTION",
  "MODAL",
  "EDIT",
  "RETEXTURE",
  "SWAP_FACE",
  "IMAGE_SEED",
] as const;
export type MjAction = (typeof MJ_ACTIONS)[number];

export const MJ_MODES = ["fast", "turbo", "relax"] as const;
export type MjMode = (typeof MJ_MODES)[number];

/** `options.midjourney` of a request: what other vendors have no words for. */
export interface MjWish {
  readonly action: MjAction;
  /** Which of the four, from 1. */
  readonly index?: number;
  /** Of a button. */
  readonly customId?: string;
  readonly mode?: MjMode;
  readonly dimensions?: string;
  /** `--v 7 --style raw`, behind the words. */
  readonly parameters?: string;
  /** Handed on as they came: `botType`, `accountFilter`, `enableRemix`, `language`. */
  readonly passed: JsonObject;
}

const PASSED = ["botType", "accountFilter", "enableRemix", "language"] as const;
const DIMENSIONS: ReadonlySet<string> = new Set(["PORTRAIT", "SQUARE", "LANDSCAPE"]);

/** @throws SluiceError `unsupported_parameter` for what the protocol has no word for */
export function wishOf({ options }: Pick<MediaRequest, "options">): MjWish {
  const asked = objectOf(options.midjourney) ?? {};
  const action = MJ_ACTIONS.find((known) => known === (asked.action ?? "IMAGINE"));
  if (action === undefined)
    throw unsupported("action", `The action must be one of ${MJ_ACTIONS.join(", ")}.`);
  const mode = MJ_MODES.find((known) => known === asked.mode);
  const { index } = asked;
  const customId = textOf(asked.customId);
  const dimensions = textOf(asked.dimensions);
  if (dimensions !== undefined && !DIMENSIONS.has(dimensions)) {
    throw unsupported("dimensions", "Dimensions are PORTRAIT, SQUARE or LANDSCAPE.");
  }
  const needsIndex = action === "UPSCALE" || action === "VARIATION";
  const isIndex = typeof index === "number" && Number.isInteger(index) && index >= 1 && index <= 4;
  if (needsIndex && !isIndex) throw unsupported("index", "The index must be 1 to 4.");
  if (action === "ACTION" && customId === undefined)
    throw unsupported("customId", "A button's customId is required.");
  const parameters = textOf(asked.parameters);
  const passed = PASSED.flatMap((name) => {
    const value = asked[name];
    const isPlain = typeof value === "string" || typeof value === "boolean" || isObject(value);
    return isPlain ? [[name, value] as const] : [];
  });
  return {
    action,
    passed: Object.fromEntries(passed),
    ...(isIndex ? { index } : {}),
    ...(customId === undefined ? {} : { customId }),
    ...(mode === undefined ? {} : { mode }),
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

/** From the dearest to the cheapest, and how a prompt names them: some clients write a long dash for two short ones. */
const SPEEDS = [
  ["turbo", /(?:^|\s)(?:--|—)turbo\b/i],
  ["fast", /(?:^|\s)(?:--|—)fast\b/i],
  ["relax", /(?:^|\s)(?:--|—)relax\b/i],
] as const;

/**
 * The speed that a request is priced by: chosen by its path, in its prompt (`--turbo`) or among the accounts that may serve
 * it (`accountFilter.modes`); where these say several, the dearest. Undefined: the proxy's own.
 */
export function speedOf(
  { mode, passed, parameters = "" }: MjWish,
  { prompt = "", negativePrompt = "" }: Pick<MediaRequest, "prompt" | "negativePrompt">,
): MjMode | undefined {
  const words = `${prompt} ${negativePrompt} ${parameters}`;
  const modes = listOf(objectOf(passed.accountFilter)?.modes).map((name) => textOf(name)?.toLowerCase());
  return SPEEDS.find(([name, said]) => mode === name || modes.includes(name) || said.test(words))?.[0];
}
