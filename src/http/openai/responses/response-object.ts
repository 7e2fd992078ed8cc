import type { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { RequestId } from "../../../core/ids.ts";
import type { Final } from "../../../gateway/gateway.ts";
import { objectIn } from "./chat-pieces.ts";
import type { Included, ResponsesRequest } from "./request.ts";
import { toResponseUsage } from "./usage.ts";

/** What a response is about, known before its first word. */
export interface ResponseAbout {
  readonly requestId: RequestId;
  /** Epoch seconds. */
  readonly createdAt: number;
  /** The vendor's own name of the model. */
  readonly model: string;
  readonly request: ToldRequest;
}

/** What a response tells of its request. */
export type ToldRequest = Pick<ResponsesRequest, "body" | "previous" | "store" | "summarizes" | "include">;

/** How a response ended, or that it has not. */
export interface ResponseState {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly output: readonly JsonObject[];
  readonly final?: Final;
  /** Epoch seconds. */
  readonly endedAt?: number;
}

export const responseIdOf = (request: RequestId): string => `resp_${suffixOf(request)}`;

/** What ids of this request's response and items have in common. */
export const suffixOf = (request: RequestId): string => request.replace(/^req_/, "");

/** False for what no response can be called: nobody has to look for it. */
export const isResponseId = (id: unknown): id is string =>
  typeof id === "string" && /^resp_[0-9a-z]{1,64}$/.test(id);

/** `msg_<suffix>_0`, `fc_<suffix>_1` and so on: the items of one response are named alike. */
export const itemIdOf = (kind: string, suffix: string, index: number): string => `${kind}_${suffix}_${index}`;

/** The response that an item belongs to, by the item's id; undefined: it has none of our names. */
export function responseOfItem(id: string): string | undefined {
  const suffix = /^[a-z]+_([0-9a-z]{1,64})_\d+$/.exec(id)?.[1];
  return suffix === undefined ? undefined : `resp_${suffix}`;
}

/** True for a name that a vendor may have given an item, and by which it is looked for. */
export const isForeignName = (name: unknown): name is string =>
  typeof name === "string" && /^[\w.-]{1,128}$/.test(name) && responseOfItem(name) === undefined;

/** The whole response object, with the request's own fields as they were understood. */
export function responseObject(about: ResponseAbout, state: ResponseState): JsonObject {
  const { requestId, createdAt, model, request } = about;
  const { status, output, final, endedAt } = state;
  const { body } = request;
  return {
    id: responseIdOf(requestId),
    object: "response",
    created_at: createdAt,
    status,
    background: false,
    completed_at: status === "completed" ? (endedAt ?? null) : null,
    error: status === "failed" ? errorOf(final?.error) : null,
    incomplete_details: status === "incomplete" ? { reason: reasonOf(final) } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    metadata: body.metadata ?? {},
    model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: request.previous ?? null,
    reasoning: { effort: null, summary: null, ...recordOf(body.reasoning) },
    service_tier: body.service_tier ?? "default",
    store: request.store,
    temperature: body.temperature ?? 1,
    text: { format: { type: "text" }, ...recordOf(body.text) },
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: "disabled",
    usage: final === undefined ? null : toResponseUsage(final.usage),
    user: body.user ?? null,
  };
}

/** As a client is shown it: what the vendor wants back only where the client asked for it. */
export function shownTo(include: ReadonlySet<Included>, response: JsonObject): JsonObject {
  const { output } = response;
  return Array.isArray(output)
    ? { ...response, output: output.map((item: unknown) => shownAny(include, item)) }
    : response;
}

/** What a vendor calls an item may be none. */
const shownAny = (include: ReadonlySet<Included>, item: unknown): unknown => {
  const object = objectIn(item);
  return object === undefined ? item : shownItem(include, object);
};

/** An item as this client sees it: seals only where it asked for them. */
export function shownItem(include: ReadonlySet<Included>, item: JsonObject): JsonObject {
  if (include.has("reasoning.encrypted_content")) return item;
  const { encrypted_content: _, ...rest } = item;
  return rest;
}

function reasonOf(final: Final | undefined): string {
  return final?.finishReason === "content_filter" ? "content_filter" : "max_output_tokens";
}

const errorOf = (error: SluiceError | undefined): JsonObject => ({
  code: error?.code ?? "server_error",
  message: error?.message ?? "The answer broke off.",
});

const recordOf = (value: unknown): object => (typeof value === "object" && value !== null ? value : {});

/** The status in which a generation leaves its response. */
export function statusOf({ outcome, finishReason }: Final): "completed" | "incomplete" | "failed" {
  if (outcome !== "completed") return "failed";
  return finishReason === "length" || finishReason === "content_filter" ? "incomplete" : "completed";
}
