import { Elysia } from "elysia";
import { SluiceError } from "../../core/errors.ts";
import type { RequestId } from "../../core/ids.ts";
import type { ModelView } from "../../gateway/gateway.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import type { AddressSource } from "../credential.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { queryOf } from "../stored-text.ts";
import { wishesIn } from "../wishes.ts";
import { arrayBody } from "./array-body.ts";
import { type AnswerContentPorts, type Asked, answerContent } from "./content-answer.ts";
import { geminiCredential } from "./credential.ts";
import { answerEmbedding } from "./embedding-answer.ts";
import { parseEmbed } from "./embedding-request.ts";
import { callIn, decoded, type ModelCall } from "./method.ts";
import { geminiModel, geminiModels, isGeminis } from "./models.ts";
import { parseContent } from "./request.ts";
import { answerCount, parseCount } from "./token-count.ts";

export interface GeminiRoutePorts extends AnswerPorts, AnswerContentPorts {
  readonly idempotency: Idempotency;
  readonly bodyLimitBytes: number;
}

/** Google's two versions; of the second only what no other dialect has. */
const VERSIONS = ["/v1beta", "/v1"] as const;

/** What Bun's server does for a running request. */
type RequestServer = AddressSource & { timeout(request: Request, seconds: number): void };

/** Gemini's methods of a model, for every model of text and of embeddings, and its list of models. */
export function geminiRoutes(ports: GeminiRoutePorts) {
  const answer = createAnswer(ports);
  const app = new Elysia({ name: "gemini" });
  for (const version of VERSIONS) {
    app.post(
      `${version}/models/*`,
      ({ request, server, params }) => {
        const call = callIn(params["*"]);
        const path = `${version}/models/{model}${call === undefined ? "" : `:${call.method}`}`;
        return answer(request, path, (id) => callMethod(ports, request, server, id, call, path));
      },
      { parse: "none" },
    );
  }
  const list = (
    request: Request,
    server: AddressSource | null,
    endpoint: string,
    view: (models: readonly ModelView[]) => unknown,
  ): Promise<Response> =>
    answer(request, endpoint, async () => {
      const caller = await ports.gateway.authenticate(geminiCredential(request, server), "models");
      return Response.json(view(ports.gateway.models(caller)));
    });
  return app
    .get("/v1beta/models", ({ request, server }) =>
      list(request, server, "/v1beta/models", (models) => geminiModels(models, queryOf(request.url))),
    )
    .get("/v1beta/models/*", ({ request, server, params }) =>
      list(request, server, "/v1beta/models/{model}", (models) =>
        geminiModel(modelNamed(models, decoded(params["*"]))),
      ),
    );
}

function modelNamed(models: readonly ModelView[], name: string): ModelView {
  const model = models.filter(isGeminis).find(({ id }) => id === name);
  if (model !== undefined) return model;
  throw new SluiceError("model_not_found", `The model '${name}' does not exist.`, { param: "model" });
}

async function callMethod(
  ports: GeminiRoutePorts,
  request: Request,
  server: RequestServer | null,
  id: RequestId,
  call: ModelCall | undefined,
  path: string,
): Promise<Response> {
  const embeds = call?.method === "embedContent" || call?.method === "batchEmbedContents";
  const scope = embeds ? "embeddings" : "chat";
  const caller = await ports.gateway.authenticate(geminiCredential(request, server), scope);
  if (call === undefined) throw noMethod(request);
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const value = parseJson(bytes);
  const isResumable = request.headers.get("x-sluice-resumable") === "true";
  const asked = { caller, id, path, isResumable, wishes: wishesIn(request.headers) };
  const run = runOf(ports, asked, call, value, bytes.byteLength);
  // From here on the clocks of the call bound the wait; the server's own would cut a vendor that thinks.
  server?.timeout(request, 0);
  const isArray =
    call.method === "streamGenerateContent" && new URL(request.url).searchParams.get("alt") !== "sse";
  if (isArray && isResumable) {
    throw new SluiceError("invalid_request", "Only server-sent events can be resumed: ask for 'alt=sse'.", {
      param: "alt",
    });
  }
  const answered = await once(ports, request, asked, call, bytes, run);
  return isArray ? asArray(answered) : answered;
}

type Run = (signal: AbortSignal | undefined) => Promise<Response>;

/** Reads the body, and answers how it is carried out. */
function runOf(
  ports: GeminiRoutePorts,
  asked: Asked,
  { model, method }: ModelCall,
  value: unknown,
  bodyBytes: number,
): Run {
  switch (method) {
    case "generateContent":
    case "streamGenerateContent": {
      const content = parseContent(value, model, method === "streamGenerateContent", bodyBytes);
      return (signal) => answerContent(ports, asked, content, signal);
    }
    case "embedContent":
    case "batchEmbedContents": {
      const texts = parseEmbed(value, model, method === "batchEmbedContents", bodyBytes);
      return (signal) => answerEmbedding(ports.gateway, asked, texts, signal);
    }
    case "countTokens": {
      const content = parseCount(value, model);
      return (signal) => answerCount(ports.gateway, asked, content, signal);
    }
  }
}

function once(
  { idempotency }: GeminiRoutePorts,
  request: Request,
  { caller, id, isResumable }: Asked,
  { model, method }: ModelCall,
  bytes: Uint8Array,
  run: Run,
): Promise<Response> {
  // In either version.
  const about = `gemini ${JSON.stringify([model, method, isResumable])}`;
  const { tenant } = caller;
  return runOnce(idempotency, request, { tenant, id, print: bytes, about }, (_, signal) => run(signal));
}

function asArray({ body, headers, status }: Response): Response {
  if (body === null) throw new Error("a stream without a body");
  const own = new Headers(headers);
  own.set("content-type", "application/json; charset=UTF-8");
  return new Response(arrayBody(body), { status, headers: own });
}

function noMethod(request: Request): SluiceError {
  const { pathname } = new URL(request.url);
  return new SluiceError("not_found", `Unknown request URL: POST ${pathname}. See /docs.`);
}
