import type { JsonObject } from "../../core/generation.ts";

/** One call of the API as it is told to people and programs; becomes an Operation Object of OpenAPI 3.1. */
export interface Description {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** With `{name}` for each part that varies. */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** Who may call: a client key, the admin, or everybody. */
  readonly access: "client" | "admin" | "public";
  /** JSON Schema of the JSON body. */
  readonly body?: JsonObject;
  /** Bodies of other types, by their type. */
  readonly bodies?: Readonly<Record<string, JsonObject>>;
  /** True: it may be left out. */
  readonly isBodyOptional?: boolean;
  /** Query parameters. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Header parameters. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<number, Answer>>;
}

/** What a status means; a plain text is an answer in JSON that is not described further. */
export type Answer = string | { readonly text: string; readonly types: Readonly<Record<string, JsonObject>> };

export const TAGS = {
  Generation:
    "OpenAI's, Anthropic's and Gemini's dialects: any SDK of theirs works with this base URL and a client key.",
  Midjourney:
    "midjourney-proxy's protocol. `/mj-fast/mj`, `/mj-turbo/mj` and `/mj-relax/mj` ask for a speed. The key may come as `mj-api-secret`.",
  Streams: "Streams that can be read again after any event, and the WebSocket.",
  Tasks: "Work that outlives its request: asked for now, fetched or told of later.",
  Media: "Pictures and sound: what was made is fetched, what is worked from is uploaded.",
  Webhooks: "Messages to the caller's own server, as Standard Webhooks has them.",
  Account: "The caller's own points, use and receipts.",
  Admin: "Tenants, points, keys, vendors, models and the state of the gateway.",
  Operations: "For load balancers, monitoring and people.",
} as const;
export type Tag = keyof typeof TAGS;

/** `schema` out of `components.schemas`. */
export const ref = (schema: string): JsonObject => ({ $ref: `#/components/schemas/${schema}` });
export const json = (text: string, schema: string): Answer => ({
  text,
  types: { "application/json": ref(schema) },
});
