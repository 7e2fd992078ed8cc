import type { JsonObject } from "../../src/core/generation.ts";
import type { OpenCall } from "./account.ts";
import { chunkedBody, sizedBody } from "./http-body.ts";
import type { Outgoing } from "./http-server.ts";
import type { Plan } from "./plan.ts";
import type { PlainAnswer, Script } from "./script.ts";
import type { Stage } from "./stage.ts";

const JSON_HEADERS = { "content-type": "application/json" };
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Sends a generation that is not streamed, and writes down what left. */
export async function deliverAnswer(
  answer: JsonObject,
  plan: Plan,
  script: Script,
  call: OpenCall,
  out: Outgoing,
  stage: Stage,
): Promise<void> {
  const bytes = encode(JSON.stringify(answer));
  const isByteWise = script.writes === "byte";
  call.status = 200;
  const { cut, keepAlives = 0 } = script;
  const half = bytes.length >> 1;
  const sent = cut === undefined ? bytes : bytes.subarray(0, half);
  const body =
    keepAlives > 0
      ? chunkedBody(out, 200, JSON_HEADERS, isByteWise)
      : sizedBody(out, 200, JSON_HEADERS, cut?.how === "end" ? half : bytes.length, isByteWise);
  for (let left = keepAlives; left > 0; left -= 1) await body.write(encode("\n"));
  await stage.wait(script.pace?.firstToken);
  if (script.hold !== undefined && script.hold !== "headers") await stage.hold();
  await body.write(sent);
  await stage.wait(0);
  if (cut !== undefined) {
    call.outcome = "broken";
    const how = cut.how ?? "close";
    return how === "end" ? body.end() : out.close(how);
  }
  const { completion, reasoning } = plan.counts;
  call.outputTokens = completion - reasoning;
  call.reasoningTokens = reasoning;
  if ("usage" in answer) call.usages = 1;
  call.outcome = "completed";
  body.end();
}

/** Sends something that is no generation. */
export async function deliverPlain(
  answer: PlainAnswer,
  isByteWise: boolean,
  call: OpenCall,
  out: Outgoing,
): Promise<void> {
  const { status = 200, headers = {}, body = "" } = answer;
  const isText = typeof body === "string";
  const bytes = encode(isText ? body : JSON.stringify(body));
  call.status = status;
  const written = sizedBody(
    out,
    status,
    { ...(isText ? {} : JSON_HEADERS), ...headers },
    bytes.length,
    isByteWise,
  );
  await written.write(bytes);
  call.outcome = status >= 400 ? "refused" : "plain";
  written.end();
}
