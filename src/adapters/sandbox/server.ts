import type { Clock } from "../../core/clock.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { Transport, VendorCall } from "../adapter.ts";
import { isObject, listOf, parseJson, textOf } from "../json.ts";
import { bodyStream, type Pace } from "./body-stream.ts";
import { readConversation } from "./conversation.ts";
import { embeddingAnswer, inputsOf, MAX_INPUTS } from "./embeddings.ts";
import { brokenAnswer, errorResponse, failedResponse } from "./failures.ts";
import { createPacer } from "./pacer.ts";
import { type PlannedChoice, planChat, planCompletion, promptsOf } from "./plan.ts";
import { scriptOf } from "./script.ts";
import { serviceAnswer } from "./services/answer.ts";
import { readSettings, type SandboxSettings } from "./settings.ts";
import { pause, untilAborted } from "./waiting.ts";
import { type Head, usageOf, wantedLogprobs, wholeAnswer } from "./wire.ts";
import { promptTokensOf } from "./words.ts";

const FIRST_TOKEN_MS = 80;
const EMBEDDING_MS = 20;

/** The built-in vendor: takes the place of the network and answers as OpenAI's servers would. */
export function createSandboxTransport(clock: Clock): Transport {
  const pacer = createPacer(clock);
  let calls = 0;

  return async (call, signal) => {
    signal.throwIfAborted();
    calls += 1;
    const service = serviceAnswer(call, clock, signal);
    if (service !== undefined) return service;
    const request = readRequest(call);
    if (request instanceof Response) return request;
    const { settings } = request;
    const refused = failedResponse(settings.fail);
    if (refused !== undefined) return refused;
    if (settings.fail === "refused") throw new Error("The connection was refused.");
    if (settings.fail === "hang") return untilAborted(signal);

    if (request.kind === "embedding") {
      await pause(clock, settings.firstTokenMs ?? EMBEDDING_MS, signal);
      return jsonResponse(JSON.stringify(embeddingAnswer(request.body, request.model)));
    }
    const head: Head = {
      isChat: request.kind === "chat",
      id: `${request.kind === "chat" ? "chatcmpl" : "cmpl"}-sandbox${calls}`,
      model: request.model,
      created: Math.floor(clock.now() / 1_000),
      topLogprobs: wantedLogprobs(request.body),
    };
    const usage =
      settings.usage === "none" ? undefined : usageOf(request.choices, request.promptTokens, settings);
    const pace = paceOf(settings);
    if (request.body.stream === true) {
      const script = scriptOf(head, request.choices, wantsUsage(request.body) ? usage : undefined, settings);
      return new Response(bodyStream(script, pace, signal, { clock, pacer }), {
        headers: { "content-type": "text/event-stream" },
      });
    }
    if (settings.fail === "stall") return untilAborted(signal);
    await pause(clock, wholeMs(request.choices, pace), signal);
    if (settings.fail === "reset") throw new Error("The connection was reset.");
    return jsonResponse(
      brokenAnswer(settings.fail, JSON.stringify(wholeAnswer(head, request.choices, usage))),
    );
  };
}

type SandboxRequest =
  | (RequestBase & {
      readonly kind: "chat" | "completion";
      readonly choices: readonly PlannedChoice[];
      readonly promptTokens: number;
    })
  | (RequestBase & { readonly kind: "embedding" });

interface RequestBase {
  readonly body: JsonObject;
  readonly model: string;
  readonly settings: SandboxSettings;
}

/** The request as planned, or the answer that refuses it. */
function readRequest(call: VendorCall): SandboxRequest | Response {
  const text = typeof call.body === "string" ? call.body : Buffer.from(call.body).toString("utf8");
  const body = parseJson(text);
  if (!isObject(body)) return invalid("The body is not a JSON object.", null);
  const model = textOf(body.model) ?? "";
  if (!model.startsWith("sandbox-")) {
    const message = `The model '${model}' does not exist: the sandbox serves names that begin with 'sandbox-'.`;
    return errorResponse(404, {
      message,
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    });
  }
  if (call.url.endsWith("/chat/completions")) return readChat(body, model);
  if (call.url.endsWith("/completions")) {
    const prompts = promptsOf(body.prompt);
    const settings = readSettings(body, prompts.join("\n"), model);
    const promptTokens = prompts.reduce((sum, prompt) => sum + promptTokensOf(prompt), 0);
    return {
      kind: "completion",
      body,
      model,
      settings,
      choices: planCompletion(body, settings),
      promptTokens,
    };
  }
  const inputs = inputsOf(body.input);
  if (inputs.length === 0) return invalid("There is nothing to embed.", "input");
  if (inputs.length > MAX_INPUTS) return invalid(`At most ${MAX_INPUTS} inputs.`, "input");
  return { kind: "embedding", body, model, settings: readSettings(body, inputs.join("\n"), model) };
}

function readChat(body: JsonObject, model: string): SandboxRequest | Response {
  if (listOf(body.messages).length === 0) return invalid("There are no messages.", "messages");
  const conversation = readConversation(body);
  const settings = readSettings(body, conversation.asked, model);
  const choices = planChat(body, conversation, settings);
  return { kind: "chat", body, model, settings, choices, promptTokens: conversation.promptTokens };
}

const invalid = (message: string, param: string | null): Response =>
  errorResponse(400, { message, type: "invalid_request_error", param, code: "invalid_value" });

const jsonResponse = (text: string): Response =>
  new Response(text, { headers: { "content-type": "application/json" } });

const wantsUsage = (body: JsonObject): boolean =>
  isObject(body.stream_options) && body.stream_options.include_usage === true;

function paceOf(settings: SandboxSettings): Pace {
  const { tokensPerSecond } = settings;
  return {
    tokensPerSecond,
    firstTokenMs: settings.firstTokenMs ?? (tokensPerSecond === 0 ? 0 : FIRST_TOKEN_MS),
  };
}

/** How long a whole answer takes at the given pace. */
function wholeMs(choices: readonly PlannedChoice[], pace: Pace): number {
  const longest = Math.max(0, ...choices.map((choice) => choice.pieces.length));
  return pace.firstTokenMs + (pace.tokensPerSecond === 0 ? 0 : (longest * 1_000) / pace.tokensPerSecond);
}
