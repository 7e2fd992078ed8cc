import type { CallStage, Transport, VendorCall } from "../../adapters/adapter.ts";
import { nextOf } from "../../core/poll.ts";
import { type VendorResponse, vendorResponseOf } from "../../core/vendor-response.ts";

export const callTo = (url: string, more: Partial<VendorCall> = {}): VendorCall => ({
  method: "POST",
  url,
  headers: { authorization: "Bearer sk-test", "content-type": "application/json" },
  body: '{"model":"m"}',
  ...more,
});

/** Calls as the gateway does: with a signal of its own, and whatever answers read as a vendor's answer. */
export async function ask(
  transport: Transport,
  call: VendorCall,
  signal: AbortSignal = new AbortController().signal,
  stages: CallStage[] = [],
): Promise<VendorResponse> {
  const answer = await transport(call, signal, { reached: (stage) => void stages.push(stage) });
  return answer instanceof Response ? vendorResponseOf(answer) : answer;
}

/** The body's text, read piece by piece; what it threw behind it, as `!code`. */
export async function textOf(response: VendorResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const bytes = await nextOf(response);
      if (bytes === null) return text + decoder.decode();
      text += decoder.decode(bytes, { stream: true });
    }
  } catch (thrown) {
    return `${text}!${codeOf(thrown)}`;
  }
}

/** The code, or else the name, of what a call failed with. */
export function codeOf(thrown: unknown): string {
  const { code, name } = thrown as { readonly code?: unknown; readonly name?: unknown }; // only read
  return typeof code === "string" ? code : String(name);
}

export const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "no failure", codeOf);
