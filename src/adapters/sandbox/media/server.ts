import type { Clock } from "../../../core/clock.ts";
import type { JsonObject } from "../../../core/generation.ts";
import { isObject, listOf, numberOf, parseJson, textOf } from "../../json.ts";
import type { MediaCall, MediaTransport } from "../../media-adapter.ts";
import { errorResponse, failedResponse } from "../failures.ts";
import { FAILURES } from "../settings.ts";
import { pause, untilAborted } from "../waiting.ts";
import { draw } from "./drawing.ts";
import { type MediaSettings, readMediaSettings, spokenPrompt } from "./settings.ts";

/** How soon the sandbox wants to be asked again. */
const ASK_AGAIN_MS = 200;
const USUAL_SIDE = 512;
const LEAST_SIDE = 16;
const MOST_SIDE = 4_096;
const MOST_PICTURES = 10;
/** Jobs that can be looked up by their mark; the oldest are forgotten. */
const MOST_MARKS = 1_000;

interface Asked {
  readonly body: JsonObject;
  readonly prompt: string;
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly settings: MediaSettings;
}

/**
 * The built-in vendor's pictures. It keeps nothing but the marks of its last jobs: when a job began stands in its id,
 * and whoever asks about one says again what was asked for. So a job outlives the process.
 */
export function createSandboxStudio(clock: Clock): MediaTransport {
  const marks = new Map<string, string>();
  let jobs = 0;
  return async (call, signal) => {
    signal.throwIfAborted();
    const { pathname, searchParams } = new URL(call.url.replace("sandbox:", "http:"));
    const body = bodyOf(call);
    const job = /\/images\/jobs\/([^/]+)(\/cancel)?$/.exec(pathname);
    if (job?.[1] !== undefined) {
      if (job[2] !== undefined) return answer({ id: job[1], status: "cancelled" });
      const asked = read(body);
      return asked instanceof Response ? asked : jobAnswer(clock, job[1], asked);
    }
    if (pathname.endsWith("/images/jobs")) {
      const id = marks.get(searchParams.get("mark") ?? "");
      return id === undefined ? answer({ found: false }) : answer({ found: true, id });
    }
    const asked = read(body);
    if (asked instanceof Response) return asked;
    const { settings } = asked;
    const failure = FAILURES.find((known) => known === settings.fail);
    const refused = failure === undefined ? undefined : failedResponse(failure);
    if (refused !== undefined) return refused;
    if (settings.fail === "refused") throw new Error("The connection was refused.");
    if (settings.fail === "hang") return untilAborted(signal);
    jobs += 1;
    const id = `job-${Math.floor(clock.now())}-${jobs}`;
    const mark = textOf(body?.mark);
    if (mark !== undefined) marks.set(mark, id);
    for (const oldest of marks.keys()) if (marks.size > MOST_MARKS) marks.delete(oldest);
    if (settings.fail === "lost") throw new Error("The connection was reset.");
    if (settings.isAsync) return answer({ id, status: "running", progress: 0, ask_again_ms: ASK_AGAIN_MS });
    await pause(clock, settings.ms, signal);
    return doneAnswer(undefined, asked);
  };
}

async function jobAnswer(clock: Clock, id: string, asked: Asked): Promise<Response> {
  const { ms, fail } = asked.settings;
  const startedAt = Number(id.split("-")[1]);
  if (!Number.isFinite(startedAt) || fail === "forgotten") {
    return errorResponse(404, {
      message: "There is no such job.",
      type: "invalid_request_error",
      code: "job_not_found",
    });
  }
  const elapsed = Math.max(0, clock.now() - startedAt);
  if (elapsed < ms) {
    const progress = Math.floor((elapsed / ms) * 100) / 100;
    return answer({ id, status: "running", progress, ask_again_ms: ASK_AGAIN_MS });
  }
  if (fail === "job") {
    const error = { code: "server_error", message: "The brush broke." };
    return answer({ id, status: "failed", error });
  }
  if (fail === "job_content") {
    const error = {
      code: "content_policy_violation",
      message: "The picture goes against the content policy.",
    };
    return answer({ id, status: "failed", error });
  }
  return doneAnswer(id, asked);
}

async function doneAnswer(id: string | undefined, asked: Asked): Promise<Response> {
  const { count, settings } = asked;
  const refused = Math.min(count, settings.refuse);
  const data: object[] = [];
  for (let at = 0; at < count - refused; at += 1) data.push({ b64_json: await pictureOf(asked, at) });
  for (let at = 0; at < refused; at += 1) {
    data.push({ error: { code: "content_policy_violation", message: "This picture was refused." } });
  }
  return answer({
    ...(id === undefined ? {} : { id }),
    status: "done",
    created: 0,
    data,
    ...(settings.tellsUsage ? { usage: { images: count - refused } } : {}),
  });
}

async function pictureOf({ body, prompt, width, height }: Asked, at: number): Promise<string> {
  const salt = `${String(body.model)} ${String(body.seed ?? "")} ${String(body.inputs ?? "")} ${at}`;
  const isTransparent = body.background === "transparent";
  const png = draw({ text: spokenPrompt(prompt), width, height, isTransparent, salt });
  switch (body.output_format) {
    case "jpeg":
      return new Bun.Image(png).jpeg().toBase64();
    case "webp":
      return new Bun.Image(png).webp({ lossless: true }).toBase64();
    default:
      return Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString("base64");
  }
}

const answer = (value: object): Response => Response.json(value);

function bodyOf({ body }: MediaCall): JsonObject | undefined {
  if (body instanceof FormData || body === undefined) return undefined;
  const parsed = parseJson(typeof body === "string" ? body : Buffer.from(body).toString("utf8"));
  return isObject(parsed) ? parsed : undefined;
}

/** What is asked for, or the answer that refuses it. */
function read(body: JsonObject | undefined): Asked | Response {
  if (body === undefined) return invalid("The body is not a JSON object.", null);
  const prompt = textOf(body.prompt) ?? "";
  if (prompt === "" && body.inputs === undefined) return invalid("There is no prompt.", "prompt");
  const count = Math.floor(numberOf(body.n) ?? 1);
  if (count < 1 || count > MOST_PICTURES) return invalid(`'n' must be 1 to ${MOST_PICTURES}.`, "n");
  const [width, height] = sidesOf(body.size);
  if (!isSide(width) || !isSide(height)) {
    return invalid(`'size' must be ${LEAST_SIDE} to ${MOST_SIDE} pixels a side.`, "size");
  }
  return { body, prompt, count, width, height, settings: readMediaSettings(body, prompt) };
}

function sidesOf(size: unknown): readonly [number, number] {
  const [width, height] = listOf(size).map(Number);
  return [width ?? USUAL_SIDE, height ?? USUAL_SIDE];
}

const isSide = (side: number): boolean => Number.isInteger(side) && side >= LEAST_SIDE && side <= MOST_SIDE;

const invalid = (message: string, param: string | null): Response =>
  errorResponse(400, { message, type: "invalid_request_error", param, code: "invalid_value" });
