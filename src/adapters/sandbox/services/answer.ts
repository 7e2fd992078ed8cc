import type { CallSignal } from "../../../core/call-signal.ts";
import type { Clock } from "../../../core/clock.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { VendorCall } from "../../adapter.ts";
import { isObject, listOf, parseJson, textOf } from "../../json.ts";
import { brokenAnswer, errorResponse, failedResponse } from "../failures.ts";
import { readSettings, type SandboxSettings } from "../settings.ts";
import { pause, untilAborted } from "../waiting.ts";
import { moderationAnswer } from "./moderation.ts";
import { rerankAnswer } from "./rerank.ts";
import { speechAnswer } from "./speech.ts";
import { transcriptAnswer } from "./transcript.ts";

const ANSWER_MS = 20;

/** A call as it is answered, and the text in which magic words may stand. */
interface Service {
  readonly path: string;
  readonly prompt: (body: JsonObject) => string;
  readonly answer: (body: JsonObject, file: Uint8Array, settings: SandboxSettings) => Response;
}

const SERVICES: readonly Service[] = [
  { path: "/moderations", prompt: ({ input }) => textsOf(input), answer: json(moderationAnswer) },
  { path: "/rerank", prompt: ({ query }) => textsOf(query), answer: json(rerankAnswer) },
  {
    path: "/audio/speech",
    prompt: ({ input }) => textsOf(input),
    answer: (body, _, how) => speechAnswer(body, how),
  },
  { path: "/audio/transcriptions", prompt: ({ prompt }) => textsOf(prompt), answer: transcriptAnswer },
  { path: "/audio/translations", prompt: ({ prompt }) => textsOf(prompt), answer: transcriptAnswer },
];

/** The sandbox's answer to what is neither a chat nor an embedding; undefined: it is one of these. */
export function serviceAnswer(
  call: VendorCall,
  clock: Clock,
  signal: CallSignal,
): Promise<Response> | undefined {
  const service = SERVICES.find(({ path }) => call.url.endsWith(path));
  return service && answered(service, call, clock, signal);
}

async function answered(
  service: Service,
  call: VendorCall,
  clock: Clock,
  signal: CallSignal,
): Promise<Response> {
  const { body, file } = await readCall(call);
  const model = textOf(body.model) ?? "";
  if (!model.startsWith("sandbox-")) {
    const message = `The model '${model}' does not exist: the sandbox serves names that begin with 'sandbox-'.`;
    const error = { message, type: "invalid_request_error", param: "model", code: "model_not_found" };
    return errorResponse(404, error);
  }
  const settings = readSettings(body, service.prompt(body), model);
  const refused = failedResponse(settings.fail);
  if (refused !== undefined) return refused;
  if (settings.fail === "refused") throw new Error("The connection was refused.");
  if (settings.fail === "hang" || settings.fail === "stall") return untilAborted(signal);
  await pause(clock, settings.firstTokenMs ?? ANSWER_MS, signal);
  return service.answer(body, file, settings);
}

function json(answer: (body: JsonObject) => JsonObject): Service["answer"] {
  return (body, _, { fail }) =>
    new Response(brokenAnswer(fail, JSON.stringify(answer(body))), {
      headers: { "content-type": "application/json" },
    });
}

const textsOf = (value: unknown): string =>
  typeof value === "string"
    ? value
    : listOf(value)
        .filter((each) => typeof each === "string")
        .join("\n");

/** JSON, or a form with its file. A `sandbox` field of a form is JSON. */
async function readCall(call: VendorCall): Promise<{ readonly body: JsonObject; readonly file: Uint8Array }> {
  if (typeof call.body === "string") {
    const body = parseJson(call.body);
    return { body: isObject(body) ? body : {}, file: new Uint8Array() };
  }
  const headers = { "content-type": call.headers["content-type"] ?? "" };
  const form = await new Response(call.body, { headers }).formData();
  const body: Record<string, unknown> = {};
  let file = new Uint8Array();
  for (const [name, value] of form.entries()) {
    if (typeof value !== "string") file = new Uint8Array(await value.arrayBuffer());
    else body[name] = name === "sandbox" ? parseJson(value) : value;
  }
  return { body, file };
}
