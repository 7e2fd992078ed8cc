import { Elysia } from "elysia";
import type { z } from "zod";
import { SluiceError } from "../../core/errors.ts";
import { tenantId } from "../../core/ids.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { pathPart, queryOf } from "../stored-text.ts";
import type { Admin, AdminAccess } from "./authorize.ts";
import type { Permission } from "./permissions.ts";

/** One call of the admin API as it is described and checked, without what it does. */
export interface AdminOperation<Body = unknown> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** Below `/admin/v1`: `/tenants/{id}/keys`. */
  readonly path: string;
  readonly permission: Permission;
  readonly summary: string;
  /** Absent: it takes none. */
  readonly body?: z.ZodType<Body>;
  /** True: no body at all counts as `{}`. */
  readonly isBodyOptional?: boolean;
  readonly parameters?: Readonly<Record<string, string>>;
  /** What its statuses mean. */
  readonly answers: Readonly<Record<number, string>>;
}

export interface AdminCall<Body> {
  readonly admin: Admin;
  readonly body: Body;
  readonly query: URLSearchParams;
  /** A part of the path; `{id}` unless another is named. */
  param(name?: string): string;
}

/** A plain value is answered with the operation's first status. */
export type AdminHandler<Body> = (call: AdminCall<Body>) => Promise<unknown> | unknown;

/** An operation together with what it does. */
export interface AdminRoute {
  readonly operation: AdminOperation;
  run(call: AdminCall<unknown>): Promise<unknown> | unknown;
}

/** @example route(createTenant, async ({ body }) => ports.tenants.create(body)) */
export function route<Body>(operation: AdminOperation<Body>, run: AdminHandler<Body>): AdminRoute {
  return {
    operation,
    run: (call) => run({ ...call, body: call.body as Body }), // the operation's own schema has let it through
  };
}

/** What is wrong with a value, and where. The configuration's own, so that both speak the same words. */
export type FindingsOf = (
  schema: z.ZodType,
  value: unknown,
) => readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];

export interface OperationPorts extends AnswerPorts {
  readonly access: AdminAccess;
  readonly findingsOf: FindingsOf;
  readonly idempotency: Idempotency;
}

/** Whose idempotency keys operators' are: no tenant can have this id. */
const OPERATORS = tenantId("@operators");

export const ADMIN_PREFIX = "/admin/v1";
/** Largest body of an admin call: the longest list of candidates and keys is far smaller. */
const ADMIN_BODY_BYTES = 1024 * 1024;

/** The routes of one resource as an Elysia plugin. */
export function mountRoutes(ports: OperationPorts, name: string, routes: readonly AdminRoute[]) {
  const answer = createAnswer(ports);
  const app = new Elysia({ name: `admin-${name}` });
  for (const { operation, run } of routes) {
    const pattern = `${ADMIN_PREFIX}${operation.path}`;
    const path = pattern.replaceAll(/\{(\w+)\}/g, ":$1");
    app.route(
      operation.method.toUpperCase(),
      path,
      ({ request, params }) =>
        answer(request, pattern, async (id) => {
          const admin = await ports.access.authorize(request.headers, operation.permission);
          const bytes =
            operation.body === undefined ? new Uint8Array() : await readBody(request, ADMIN_BODY_BYTES);
          const respond = async (): Promise<Response> => {
            const body = bodyOf(ports.findingsOf, operation, bytes);
            const query = queryOf(request.url);
            const result = await run({ admin, body, query, param: (key = "id") => partOf(params, key) });
            return result instanceof Response
              ? result
              : Response.json(result, { status: statusOf(operation) });
          };
          if (operation.method !== "post") return respond();
          const print = printOf(admin, bytes);
          return runOnce(ports.idempotency, request, { tenant: OPERATORS, id, print }, respond);
        }),
      { parse: "none" },
    );
  }
  return app;
}

/** The status of success: the first one that is described. */
const statusOf = ({ answers }: AdminOperation): number => Number(Object.keys(answers)[0] ?? 200);

/** Whoever may do less gets no answer again that was made for who may do more. */
function printOf({ permissions }: Admin, bytes: Uint8Array): string {
  const hash = new Bun.CryptoHasher("sha256").update(`${permissions.toSorted().join(" ")}\n`);
  return hash.update(bytes).digest("hex");
}

function bodyOf(findingsOf: FindingsOf, operation: AdminOperation, bytes: Uint8Array): unknown {
  const { body: schema } = operation;
  if (schema === undefined) return undefined;
  const value = bytes.byteLength === 0 && operation.isBodyOptional === true ? {} : parseJson(bytes);
  refuseFindings(findingsOf(schema, value));
  return schema.parse(value);
}

/** @throws SluiceError `invalid_request` that tells what is wrong, with the first field as `param` */
export function refuseFindings(findings: ReturnType<FindingsOf>): void {
  const [first] = findings;
  if (first === undefined) return;
  const param = pathText(first.path);
  const message = findings
    .slice(0, 5)
    .map(({ path, message }) =>
      path.length === 0 ? `The body ${message}` : `'${pathText(path)}' ${message}`,
    )
    .join("; ");
  throw new SluiceError("invalid_request", `${message}.`, param === "" ? {} : { param });
}

/** `limits.qps`, `candidates[0].price`. */
const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) =>
      typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`,
    )
    .join("");

function partOf(params: Readonly<Record<string, string>>, name: string): string {
  const part = pathPart(params[name]);
  if (part === undefined) throw new SluiceError("not_found", "There is nothing by this name.");
  return part;
}
