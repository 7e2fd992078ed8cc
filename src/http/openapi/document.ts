import { z } from "zod";
import type { JsonObject } from "../../core/generation.ts";
import { ADMIN_PREFIX, type AdminOperation } from "../admin/operation.ts";
import { BATCH_CALLS, BATCH_SCHEMAS } from "./batch-calls.ts";
import { CLIENT_CALLS } from "./client-calls.ts";
import { type Answer, type Description, ref, TAGS } from "./description.ts";
import { GEMINI_CALLS } from "./gemini-calls.ts";
import { ANSWER_HEADERS, headersOf } from "./headers.ts";
import { MEDIA_CALLS } from "./media-calls.ts";
import { MIDJOURNEY_CALLS } from "./midjourney-calls.ts";
import { OPERATION_CALLS } from "./operation-calls.ts";
import { SCHEMAS } from "./schemas.ts";
import { SERVICE_CALLS, SERVICE_SCHEMAS } from "./service-calls.ts";
import { TASK_CALLS } from "./task-calls.ts";
import { usualRefusals } from "./usual-refusals.ts";

/** The whole API as an OpenAPI 3.1 document. Bodies of admin calls are the very schemas that check them. */
export function openApiDocument(version: string, adminOperations: readonly AdminOperation[]): JsonObject {
  const calls = [
    ...CLIENT_CALLS,
    ...SERVICE_CALLS,
    ...GEMINI_CALLS,
    ...TASK_CALLS,
    ...BATCH_CALLS,
    ...MIDJOURNEY_CALLS,
    ...MEDIA_CALLS,
    ...adminOperations.map(describe),
    ...OPERATION_CALLS,
  ];
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const call of calls) {
    paths[call.path] = { ...paths[call.path], [call.method]: operationOf(call) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice",
      version,
      description: "A streaming gateway that puts many AI vendors behind one API, with exact metering.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...SCHEMAS, ...SERVICE_SCHEMAS, ...BATCH_SCHEMAS },
      headers: ANSWER_HEADERS,
      securitySchemes: {
        clientKey: { type: "http", scheme: "bearer", description: "A client key: `sk-…`." },
        adminKey: { type: "http", scheme: "bearer", description: "The admin key, or a token made with it." },
      },
    },
  };
}

function describe(operation: AdminOperation): Description {
  const { method, path, permission, summary, body, isBodyOptional, parameters, answers } = operation;
  return {
    method,
    path: `${ADMIN_PREFIX}${path}`,
    tag: "Admin",
    summary,
    description: `Needs the permission \`${permission}\`.`,
    access: "admin",
    ...(body === undefined ? {} : { body: schemaOf(body), isBodyOptional: isBodyOptional === true }),
    ...(parameters === undefined ? {} : { parameters }),
    answers,
  };
}

function schemaOf(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
}

function operationOf(call: Description): JsonObject {
  const parts = [...call.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
  const parameters = [
    ...parts.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...listed(call.parameters, "query"),
    ...listed({ ...(isRepeatable(call) ? REPEATED : {}), ...call.headers }, "header"),
  ];
  return {
    operationId: operationIdOf(call),
    tags: [call.tag],
    summary: call.summary,
    ...(call.description === undefined ? {} : { description: call.description }),
    ...(call.access === "public" ? {} : { security: [{ [`${call.access}Key`]: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestBodyOf(call),
    responses: Object.fromEntries(
      Object.entries({
        ...(isRepeatable(call) ? CONFLICT : {}),
        ...usualRefusals(call),
        ...call.answers,
      }).map(([status, answer]) => [status, responseOf(call, Number(status), answer)]),
    ),
  };
}

/** Whether it honours an `Idempotency-Key`: every POST does but those that only look, and vendors' own messages. */
const isRepeatable = ({ method, path, access }: Description): boolean =>
  method === "post" && access !== "public" && !path.includes("/task/list-by-");
const REPEATED = {
  "Idempotency-Key":
    "The same key and body within 24 hours get the same answer, and are done and charged once, also after a lost connection.",
};
const CONFLICT = {
  409: "The Idempotency-Key came with another request before, or its first request still runs.",
};

function requestBodyOf({ body, bodies, isBodyOptional }: Description): JsonObject {
  const all = { ...(body === undefined ? {} : { "application/json": body }), ...bodies };
  const content = Object.entries(all).map(([type, schema]) => [type, { schema }]);
  if (content.length === 0) return {};
  return { requestBody: { required: isBodyOptional !== true, content: Object.fromEntries(content) } };
}

const listed = (named: Readonly<Record<string, string>> | undefined, where: "query" | "header") =>
  Object.entries(named ?? {}).map(([name, description]) => ({
    name,
    in: where,
    description,
    schema: { type: "string" },
  }));

function responseOf(call: Description, status: number, answer: Answer): JsonObject {
  const headers = headersOf(call, status);
  if (typeof answer !== "string") {
    const content = Object.entries(answer.types).map(([type, schema]) => [type, { schema }]);
    return { description: answer.text, headers, content: Object.fromEntries(content) };
  }
  if (status < 200) return { description: answer };
  const schema = status >= 400 ? ref("Error") : {};
  return { description: answer, headers, content: { "application/json": { schema } } };
}

/** `post_v1_chat_completions`: the same for as long as the call is. */
const operationIdOf = ({ method, path }: Description): string =>
  `${method}${path.replaceAll(/[^A-Za-z0-9]+/g, "_")}`.replace(/_$/, "");
