import type { Operation } from "../../core/catalog.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { Adapter, Target } from "../adapter.ts";
import { isObject } from "../json.ts";
import { requestOf } from "./fixtures.ts";

export interface Shaped {
  readonly body: JsonObject;
  readonly dropped: readonly string[];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a client's body becomes on its way to the vendor. `messages` are filled in for a chat without any. */
export function shaped(
  adapter: Adapter,
  body: JsonObject,
  options: { readonly operation?: Operation; readonly stream?: boolean } & Partial<Target> = {},
): Shaped {
  const { operation = "chat", stream = false, ...target } = options;
  const whole = operation === "chat" ? { messages: [{ role: "user", content: "hi" }], ...body } : body;
  const request = requestOf(operation, stream ? { ...whole, stream } : whole, { stream });
  const call = adapter.buildCall(request, { model: "m", baseUrl: "http://v", secret: "s", ...target });
  const parsed: unknown = JSON.parse(String(call.body));
  if (!isObject(parsed)) throw new Error("the body is no object");
  return { body: parsed, dropped: call.dropped ?? [], url: call.url, headers: call.headers };
}
