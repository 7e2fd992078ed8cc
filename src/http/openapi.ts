import { Elysia } from "elysia";
import type { AdminOperation } from "./admin/operation.ts";
import { type AnswerPorts, createAnswer } from "./answer.ts";
import { openApiDocument } from "./openapi/document.ts";

export interface OpenApiRoutePorts extends AnswerPorts {
  /** Of this program. */
  readonly version: string;
  readonly adminOperations: readonly AdminOperation[];
}

/** `GET /openapi.json`: every call that there is, made once. */
export function openApiRoutes(ports: OpenApiRoutePorts) {
  const answer = createAnswer(ports);
  const text = JSON.stringify(openApiDocument(ports.version, ports.adminOperations));
  const headers = { "content-type": "application/json", "cache-control": "no-cache" };
  return new Elysia({ name: "openapi" }).get("/openapi.json", ({ request }) =>
    answer(request, "/openapi.json", () => new Response(text, { headers })),
  );
}
