import type { FinishReason, GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { Adapter } from "../adapter.ts";
import { isObject, listOf, objectOf, parseJson, textOf } from "../json.ts";
import { readFrames } from "../sse/event-stream.ts";
import {
  type ErrorFixture,
  type Expected,
  type Fixture,
  requestOf,
  type VendorFixtures,
} from "./fixtures.ts";
import { OPENAI_WIRE } from "./wire.ts";

const WEATHER = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
};
const ASK = { messages: [{ role: "user", content: "hello" }] };
const UNPACED = { tokens_per_second: 0 };

const EXCHANGES: readonly (readonly [name: string, operation: "chat" | "completion", body: JsonObject])[] = [
  ["text", "chat", { ...ASK, sandbox: { ...UNPACED, cached_tokens: 2 } }],
  ["verify", "chat", { ...ASK, sandbox: { ...UNPACED, verify: true, tokens: 20 } }],
  ["reasoning", "chat", { ...ASK, reasoning_effort: "low", sandbox: UNPACED }],
  ["length", "chat", { ...ASK, max_tokens: 3, sandbox: UNPACED }],
  ["logprobs", "chat", { ...ASK, logprobs: true, top_logprobs: 2, sandbox: UNPACED }],
  ["tools", "chat", { ...ASK, tools: [WEATHER], tool_choice: "required", sandbox: UNPACED }],
  ["parallel tools", "chat", { ...ASK, tools: [WEATHER], sandbox: { ...UNPACED, calls: 2 } }],
  ["usage in each chunk", "chat", { ...ASK, sandbox: { ...UNPACED, usage: "each" } }],
  ["usage in the finish chunk", "chat", { ...ASK, sandbox: { ...UNPACED, usage: "finish" } }],
  ["completion", "completion", { prompt: "once", sandbox: UNPACED }],
];

const REFUSALS: readonly (readonly [
  fail: string,
  fault: VendorFailure["fault"],
  code: VendorFailure["code"],
])[] = [
  ["400", "request", "invalid_request"],
  ["401", "key", "vendor_rejected"],
  ["402", "key", "vendor_rejected"],
  ["403", "key", "vendor_rejected"],
  ["404", "config", "vendor_rejected"],
  ["408", "vendor", "vendor_timeout"],
  ["413", "request", "payload_too_large"],
  ["422", "request", "invalid_request"],
  ["429", "account", "rate_limit_exceeded"],
  ["500", "vendor", "vendor_unavailable"],
  ["502", "vendor", "vendor_unavailable"],
  ["503", "vendor", "vendor_unavailable"],
  ["504", "vendor", "vendor_timeout"],
  ["quota", "key", "vendor_rejected"],
  ["context", "request", "context_length_exceeded"],
  ["content", "request", "content_policy_violation"],
  ["html", "vendor", "vendor_unavailable"],
];

/** What the sandbox says, asked for as the gateway does. Whole answers say what streams must mean. */
export async function readSandboxFixtures(adapter: Adapter): Promise<VendorFixtures> {
  const exchanges = EXCHANGES.map(async ([name, operation, request]): Promise<Fixture> => {
    const answer =
      objectOf(parseJson(await (await send(adapter, requestOf(operation, request))).text())) ?? {};
    const streamed = await send(adapter, requestOf(operation, { ...request, stream: true }));
    const stream = [...readFrames(await streamed.text())].map(
      ({ data = "" }) => objectOf(parseJson(data)) ?? data,
    );
    const expected = expectedFrom(adapter, requestOf(operation, request), answer);
    return { name, origin: "recorded", source: "the sandbox", operation, request, stream, answer, expected };
  });
  const errors = REFUSALS.map(async ([fail, fault, code]): Promise<ErrorFixture> => {
    const response = await send(adapter, requestOf("chat", { ...ASK, sandbox: { fail } }));
    const { status, headers } = response;
    const wait = status === 429 ? { retryAfterMs: 1_000 } : {};
    const body = await response.text();
    const kept = Object.fromEntries(headers);
    return { name: fail, origin: "recorded", status, headers: kept, body, fault, code, ...wait };
  });
  return { exchanges: await Promise.all(exchanges), errors: await Promise.all(errors), wire: OPENAI_WIRE };
}

/** One call of the sandbox, through its adapter. */
export async function send(
  adapter: Adapter,
  request: GenerationRequest,
  signal = new AbortController().signal,
  model = "sandbox-chat",
): Promise<Response> {
  if (adapter.transport === undefined) throw new Error(`${adapter.name} has no transport of its own`);
  const call = adapter.buildCall(request, { model, baseUrl: "sandbox://test/v1", secret: "" });
  const answer = await adapter.transport(call, signal);
  if (!(answer instanceof Response)) throw new Error("the sandbox answers as the web does");
  return answer;
}

function expectedFrom(adapter: Adapter, request: GenerationRequest, answer: JsonObject): Expected {
  const read = adapter.readAnswer(request, Buffer.from(JSON.stringify(answer)));
  if (!read.ok || read.usage === undefined) throw new Error("the sandbox gave no whole answer");
  const choice = objectOf(listOf(answer.choices)[0]) ?? {};
  const message = objectOf(choice.message) ?? {};
  const finish: FinishReason | undefined = read.finishReasons[0];
  return {
    text: textOf(choice.text) ?? textOf(message.content) ?? "",
    reasoning: textOf(message.reasoning_content) ?? "",
    calls: listOf(message.tool_calls).filter(isObject).map(callOf),
    ...(finish === undefined ? {} : { finish }),
    usage: read.usage,
  };
}

function callOf(call: JsonObject): { id: string; name: string; arguments: string } {
  const called = objectOf(call.function) ?? {};
  return { id: String(call.id), name: String(called.name), arguments: String(called.arguments) };
}
