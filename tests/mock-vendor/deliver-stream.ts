import type { JsonObject } from "../../src/core/generation.ts";
import type { OpenCall } from "./account.ts";
import type { Frame } from "./frames.ts";
import { type Body, chunkedBody } from "./http-body.ts";
import type { Outgoing } from "./http-server.ts";
import type { Script } from "./script.ts";
import type { Stage } from "./stage.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
/** A letter of three bytes, for cuts through one. */
const LETTER = "水";

/** Sends one stream as the script says, and writes down what left. */
export async function deliverStream(
  frames: readonly Frame[],
  script: Script,
  call: OpenCall,
  out: Outgoing,
  stage: Stage,
): Promise<void> {
  const { hold, cut, failure, pace, lineEnd = "\n" } = script;
  const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
  const body = chunkedBody(out, 200, headers, script.writes === "byte");
  call.status = 200;
  const namesEvents = call.request.operation === "response";
  const event = (data: JsonObject | string): Uint8Array => {
    const name = namesEvents && typeof data === "object" ? `event: ${String(data.type)}${lineEnd}` : "";
    const text = typeof data === "object" ? JSON.stringify(data) : data;
    return encode(`${name}data: ${text}${lineEnd}${lineEnd}`);
  };
  const batch = createBatch(body, typeof script.writes === "number" ? script.writes : 1);
  const holdAfter = typeof hold === "object" ? hold.afterTokens : hold === "first_token" ? 0 : undefined;
  let tokens = 0;
  let isHeld = false;

  for (let left = script.keepAlives ?? 0; left > 0; left -= 1) {
    await body.write(encode(`: keep-alive${lineEnd}${lineEnd}`));
  }
  await stage.wait(pace?.firstToken);
  for (const frame of frames) {
    const carried = frame.output + frame.reasoning;
    if (carried > 0 || frame.hasUsage) {
      if (!isHeld && holdAfter !== undefined && tokens >= holdAfter) {
        isHeld = true;
        await batch.flush();
        await stage.hold();
      }
      if (cut !== undefined && tokens >= cut.afterTokens) {
        await batch.flush();
        return breakOff(frame, cut, event, body, call, out);
      }
      if (failure !== undefined && tokens >= failure.afterTokens) {
        await batch.flush();
        await body.write(
          event(namesEvents ? { type: "error", error: failure.error } : { error: failure.error }),
        );
        call.outcome = "broken";
        return body.end();
      }
      if (tokens > 0 && carried > 0) await stage.wait(pace?.token);
    }
    await batch.add(event(frame.data), carried);
    // What the client did not wait for was not served.
    if (out.isGone) await stage.wait(0);
    tokens += carried;
    call.outputTokens += frame.output;
    call.reasoningTokens += frame.reasoning;
    if (frame.hasUsage) call.usages += 1;
  }
  await batch.flush();
  const end = script.end ?? "marker";
  // The last event of a response is its end.
  if (end !== "none" && !namesEvents) await body.write(event("[DONE]"));
  if (end === "two_markers" && !namesEvents) await body.write(event("[DONE]"));
  await stage.wait(0);
  call.outcome = end === "none" ? "unmarked" : "completed";
  body.end();
}

/** Nothing, half of the next frame, or a frame up to the middle of a letter; then the connection breaks. */
async function breakOff(
  frame: Frame,
  cut: NonNullable<Script["cut"]>,
  event: (data: JsonObject) => Uint8Array,
  body: Body,
  call: OpenCall,
  out: Outgoing,
): Promise<void> {
  const whole = event(frame.data);
  if (cut.inside === "frame") await body.write(whole.subarray(0, whole.length >> 1));
  if (cut.inside === "character") {
    const said = event({ ...frame.data, mock: LETTER });
    await body.write(said.subarray(0, said.indexOf(encode(LETTER)[0] ?? 0, said.length - 10) + 1));
  }
  call.outcome = "broken";
  const how = cut.how ?? "close";
  if (how === "end") body.end();
  else out.close(how);
}

/** Frames that leave in one write, by the tokens in them. */
function createBatch(body: Body, tokensPerWrite: number) {
  let parts: Uint8Array[] = [];
  let tokens = 0;
  async function flush(): Promise<void> {
    const bytes = Buffer.concat(parts);
    parts = [];
    tokens = 0;
    await body.write(bytes);
  }
  return {
    flush,
    async add(bytes: Uint8Array, carried: number): Promise<void> {
      parts.push(bytes);
      tokens += carried;
      if (tokensPerWrite <= 1 || tokens >= tokensPerWrite) await flush();
    },
  };
}
