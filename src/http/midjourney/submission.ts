import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { type TaskId, taskId } from "../../core/ids.ts";
import type { MediaInput, MediaOperation, MediaRequest } from "../../core/media.ts";
import { checkFields, invalid, requiredText } from "../../gateway/requests/fields.ts";
import { pathPart } from "../stored-text.ts";
import type { Mode } from "./is-midjourney.ts";
import { pictureOf, picturesIn } from "./pictures.ts";
import { readPrompt } from "./prompt-parameters.ts";

/** What a submission asks for; the model is not chosen yet. */
export interface Submission {
  readonly request: Omit<MediaRequest, "model">;
  readonly parentTask?: TaskId;
  /** What the task shows again: its action, prompt, and the client's `state`. */
  readonly about: JsonObject;
  readonly notifyHook?: string;
}

const MOST_PROMPT_CHARS = 32_000;
const MOST_STATE_CHARS = 255;
const MOST_HOOK_CHARS = 2_000;

const FIELDS = {
  prompt: "string",
  state: "string",
  notifyHook: "string",
  model: "string",
  botType: "string",
  taskId: "string",
  customId: "string",
  action: "string",
  index: "integer",
  enableRemix: "boolean",
  accountFilter: "object",
  dimensions: "string",
  content: "string",
  language: "string",
} as const;

/** `upload-discord-images` submits nothing and is not among them. */
export const SUBMISSIONS = [
  "imagine",
  "change",
  "simple-change",
  "action",
  "modal",
  "blend",
  "describe",
  "shorten",
  "edits",
  "edit",
  "retexture",
] as const;
export type SubmissionName = (typeof SUBMISSIONS)[number];
/** Not below `/submit`. */
export const SWAP = "insight-face/swap";

interface Asked {
  readonly action: string;
  readonly operation: MediaOperation;
  readonly inputs?: readonly MediaInput[];
  readonly mask?: MediaInput;
  /** Of the vendor's own words. */
  readonly wish?: JsonObject;
  readonly parent?: string;
  /** Another vendor can do it as well. */
  readonly isCommon?: boolean;
  readonly hasPrompt?: boolean;
}

/** @throws SluiceError `invalid_request` with the field's name */
export function readSubmission(
  name: SubmissionName | typeof SWAP,
  body: JsonObject,
  mode: Mode | undefined,
): Submission {
  checkFields(body, FIELDS);
  const asked = askedIn(name, body);
  const prompt = promptIn(body, asked.hasPrompt === true);
  const notifyHook = short(body, "notifyHook", MOST_HOOK_CHARS);
  const state = short(body, "state", MOST_STATE_CHARS);
  const botType = short(body, "botType", MOST_STATE_CHARS);
  const read = prompt === undefined ? undefined : readPrompt(prompt);
  const { words, parameters, ...known } = read ?? {};
  const { operation, inputs = [], mask, action } = asked;
  const midjourney = {
    action,
    ...asked.wish,
    ...(parameters === undefined || parameters === "" ? {} : { parameters }),
    ...passedIn(body),
    ...(mode === undefined ? {} : { mode }),
    ...(asked.isCommon === true ? {} : { only: true }),
  };
  return {
    request: {
      operation,
      inputs,
      count: 1,
      options: { midjourney },
      ...(words === undefined || words === "" ? {} : { prompt: words }),
      ...known,
      ...(mask === undefined ? {} : { mask }),
    },
    ...(asked.parent === undefined ? {} : { parentTask: taskId(asked.parent) }),
    about: {
      action,
      ...(prompt === undefined ? {} : { prompt }),
      ...(state === undefined ? {} : { state }),
      ...(botType === undefined ? {} : { botType }),
      ...(asked.wish?.customId === undefined ? {} : { customId: asked.wish.customId }),
      ...(mode === undefined ? {} : { mode: mode.toUpperCase() }),
    },
    ...(notifyHook === undefined ? {} : { notifyHook }),
  };
}

function askedIn(name: SubmissionName | typeof SWAP, body: JsonObject): Asked {
  switch (name) {
    case "imagine": {
      const inputs = picturesIn(body);
      const operation = inputs.length === 0 ? "image" : "image_edit";
      return { action: "IMAGINE", operation, inputs, isCommon: true, hasPrompt: true };
    }
    case "change":
      return change(requiredText(body, "taskId"), requiredText(body, "action").toUpperCase(), body.index);
    case "simple-change":
      return simpleChange(requiredText(body, "content"));
    case "action": {
      const wish = { customId: requiredText(body, "customId") };
      return { action: "ACTION", operation: "image_edit", parent: parentIn(body), wish };
    }
    case "modal": {
      const masked = isGiven(body.maskBase64) ? { mask: pictureOf(body.maskBase64, "maskBase64") } : {};
      return { action: "MODAL", operation: "image_edit", parent: parentIn(body), ...masked };
    }
    case "blend": {
      const inputs = picturesIn(body);
      if (inputs.length < 2 || inputs.length > 5) throw invalid("base64Array", "must be 2 to 5 pictures");
      const { dimensions } = body;
      return {
        action: "BLEND",
        operation: "image_edit",
        inputs,
        wish: isGiven(dimensions) ? { dimensions } : {},
      };
    }
    case "describe": {
      const picture = isGiven(body.link)
        ? pictureOf(body.link, "link", true)
        : pictureOf(body.base64, "base64");
      return { action: "DESCRIBE", operation: "image_edit", inputs: [picture] };
    }
    case "shorten":
      return { action: "SHORTEN", operation: "image", hasPrompt: true };
    case "edits":
    case "edit":
    case "retexture": {
      const inputs = [pictureOf(body.image, "image", true)];
      const masked = isGiven(body.maskBase64) ? { mask: pictureOf(body.maskBase64, "maskBase64") } : {};
      const isCommon = name !== "retexture";
      const action = isCommon ? "EDIT" : "RETEXTURE";
      return { action, operation: "image_edit", inputs, ...masked, hasPrompt: true, isCommon };
    }
    case SWAP: {
      const inputs = ["sourceBase64", "targetBase64"].map((field) => pictureOf(body[field], field));
      return { action: "SWAP_FACE", operation: "image_edit", inputs };
    }
  }
}

function change(parent: string, action: string, index: unknown): Asked {
  if (action === "REROLL") return { action, operation: "image_edit", parent: idOf(parent) };
  if (action !== "UPSCALE" && action !== "VARIATION") {
    throw invalid("action", "must be 'UPSCALE', 'VARIATION' or 'REROLL'");
  }
  if (typeof index !== "number" || index < 1 || index > 4) throw invalid("index", "must be 1 to 4");
  return { action, operation: "image_edit", parent: idOf(parent), wish: { index } };
}

/** `<taskId> U2`, `<taskId> V3`, `<taskId> R`. */
function simpleChange(content: string): Asked {
  const [, parent, letter, index] = /^\s*(\S+)\s+(?:([UV])([1-4])|R)\s*$/i.exec(content) ?? [];
  if (parent === undefined) throw invalid("content", "must be a task's id and U1 to U4, V1 to V4 or R");
  if (letter === undefined) return change(parent, "REROLL", undefined);
  return change(parent, letter.toUpperCase() === "U" ? "UPSCALE" : "VARIATION", Number(index));
}

const parentIn = (body: JsonObject): string => idOf(requiredText(body, "taskId"));

function idOf(text: string): string {
  const id = pathPart(text);
  if (id === undefined) throw new SluiceError("not_found", "There is no such task.", { param: "taskId" });
  return id;
}

function promptIn(body: JsonObject, isRequired: boolean): string | undefined {
  const prompt = isRequired ? requiredText(body, "prompt") : body.prompt;
  if (typeof prompt !== "string" || prompt === "") return undefined;
  if (prompt.length <= MOST_PROMPT_CHARS) return prompt;
  throw invalid("prompt", `must be at most ${MOST_PROMPT_CHARS} characters`);
}

function short(body: JsonObject, name: string, most: number): string | undefined {
  const value = body[name];
  if (typeof value !== "string" || value === "") return undefined;
  if (value.length <= most) return value;
  throw invalid(name, `must be at most ${most} characters`);
}

const PASSED = ["botType", "accountFilter", "enableRemix", "language"] as const;
const passedIn = (body: JsonObject): JsonObject =>
  Object.fromEntries(PASSED.flatMap((name) => (isGiven(body[name]) ? [[name, body[name]] as const] : [])));

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== "";
