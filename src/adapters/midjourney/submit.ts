import type { JsonObject } from "../../core/generation.ts";
import type { MediaInput, MediaRequest } from "../../core/media.ts";
import type { Target } from "../adapter.ts";
import { unsupported } from "../failure/unsupported.ts";
import type { AskedPicture, MediaCall, MediaTarget, PictureForm } from "../media-adapter.ts";
import { promptText, unsaid } from "./prompt.ts";
import { MJ_MODES, type MjMode, type MjWish, wishOf } from "./wish.ts";

/** One job makes four pictures on one sheet. */
export const GRID = 4;
const LEAST_BLENDED = 2;
const MOST_BLENDED = 5;

/** Both of the ways in which proxies and resellers look for the secret. */
export const headersFor = ({ secret }: Target): Record<string, string> => ({
  "content-type": "application/json",
  ...(secret === "" ? {} : { "mj-api-secret": secret, authorization: `Bearer ${secret}` }),
});

/** Where the proxy is: an address that was given with its `/mj` is taken without. */
export const rootOf = ({ baseUrl }: Target): string => baseUrl.replace(/\/mj$/, "");

/** A model called `midjourney-turbo` at the vendor is served by that speed, unless the request says another. */
const modeOf = (wish: MjWish, model: string): MjMode | undefined =>
  wish.mode ?? MJ_MODES.find((mode) => model.endsWith(`-${mode}`));

/** Pictures go along as data, but to imagine, whose prompt may name them. */
export function takes(request: AskedPicture): PictureForm | undefined {
  const { action } = wishOf(request);
  return action === "IMAGINE" || action === "EDIT" || action === "RETEXTURE" ? undefined : "bytes";
}

/**
 * @param mark goes along as `state`, by which the job is found when the answer is lost
 * @throws SluiceError `unsupported_parameter` for what cannot be asked
 */
export function submitCall(request: MediaRequest, target: MediaTarget, mark: string): MediaCall {
  const wish = wishOf(request);
  if (request.count > GRID) throw unsupported("n", "Midjourney makes four pictures a job.");
  if (wish.action === "IMAGE_SEED") return seedCall(request, target);
  const mode = modeOf(wish, target.model);
  const { path, body } = asked(request, wish);
  const dropped = unsaid(request);
  return {
    method: "POST",
    url: `${rootOf(target)}${mode === undefined ? "" : `/mj-${mode}`}/mj/${path}`,
    headers: headersFor(target),
    body: JSON.stringify({
      ...body,
      ...wish.passed,
      state: mark,
      ...(target.hookUrl === undefined ? {} : { notifyHook: target.hookUrl }),
    }),
    ...(dropped.length === 0 ? {} : { dropped }),
  };
}

function seedCall(request: MediaRequest, target: Target): MediaCall {
  const url = `${rootOf(target)}/mj/task/${encodeURIComponent(parentOf(request))}/image-seed`;
  return { method: "GET", url, headers: headersFor(target) };
}

function asked(request: MediaRequest, wish: MjWish): { readonly path: string; readonly body: JsonObject } {
  const { inputs, mask } = request;
  switch (wish.action) {
    case "IMAGINE":
    case "IMAGE_SEED":
      if (mask !== undefined) throw unsupported("mask", "A mask is given to MODAL or EDIT.");
      return { path: "submit/imagine", body: imagined(request, wish) };
    case "UPSCALE":
    case "VARIATION":
    case "REROLL": {
      const { action, index } = wish;
      return { path: "submit/change", body: { taskId: parentOf(request), action, ...(index && { index }) } };
    }
    case "ACTION":
      return { path: "submit/action", body: { taskId: parentOf(request), customId: wish.customId } };
    case "MODAL": {
      const words =
        request.prompt === undefined
          ? {}
          : { prompt: promptText({ ...request, inputs: [] }, wish.parameters) };
      const body = { taskId: parentOf(request), ...words, ...(mask && { maskBase64: dataUrl(mask) }) };
      return { path: "submit/modal", body };
    }
    case "BLEND": {
      if (inputs.length < LEAST_BLENDED || inputs.length > MOST_BLENDED) {
        throw unsupported("base64Array", `${LEAST_BLENDED} to ${MOST_BLENDED} pictures can be blended.`);
      }
      const { dimensions } = wish;
      return {
        path: "submit/blend",
        body: { base64Array: inputs.map(dataUrl), ...(dimensions && { dimensions }) },
      };
    }
    case "DESCRIBE":
      return { path: "submit/describe", body: { base64: dataUrl(only(inputs)) } };
    case "SHORTEN":
      return {
        path: "submit/shorten",
        body: { prompt: promptText({ ...request, inputs: [] }, wish.parameters) },
      };
    case "EDIT":
    case "RETEXTURE": {
      const picture = only(inputs);
      const body = {
        prompt: promptText({ ...request, inputs: [] }, wish.parameters),
        image: picture.kind === "url" ? picture.url : dataUrl(picture),
        ...(mask && { maskBase64: dataUrl(mask) }),
      };
      return { path: wish.action === "EDIT" ? "submit/edits" : "submit/retexture", body };
    }
    case "SWAP_FACE": {
      const [source, target] = inputs;
      if (source === undefined || target === undefined)
        throw unsupported("sourceBase64", "Two faces are needed.");
      return {
        path: "insight-face/swap",
        body: { sourceBase64: dataUrl(source), targetBase64: dataUrl(target) },
      };
    }
  }
}

function imagined(request: MediaRequest, wish: MjWish): JsonObject {
  const prompt = promptText(request, wish.parameters);
  if (prompt === "") throw unsupported("prompt", "A prompt is required.");
  const pictures = request.inputs.filter(({ kind }) => kind === "bytes").map(dataUrl);
  return { prompt, ...(pictures.length === 0 ? {} : { base64Array: pictures }) };
}

function only(inputs: readonly MediaInput[]): MediaInput {
  const [picture, ...others] = inputs;
  if (picture === undefined || others.length > 0) throw unsupported("image", "One picture is needed.");
  return picture;
}

/** The job it goes on from. */
function parentOf({ parent }: MediaRequest): string {
  if (parent === undefined) throw unsupported("taskId", "The task to go on from is required.");
  return parent.jobId;
}

function dataUrl(input: MediaInput): string {
  if (input.kind === "url") throw unsupported("image", "The picture must be sent itself.");
  const { bytes, contentType } = input;
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return `data:${contentType};base64,${base64}`;
}
