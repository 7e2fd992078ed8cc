import { draw } from "../src/adapters/sandbox/media/drawing.ts";

/**
 * OpenAI's images, DashScope, Ark and Gemini on one port, for tests. Everything that comes is kept; what each makes is
 * counted as the vendor would charge it; what has an address can be fetched once.
 */
export interface MockPictureVendors {
  readonly origin: string;
  readonly calls: readonly PictureCall[];
  /** Made since the last `reset`, by their vendors' own count. */
  readonly counted: { images: number; words: number; pictureTokens: number; drawn: number };
  /** Addresses that were fetched. */
  readonly fetched: readonly string[];
  /** What becomes of the next submissions, one after the other; then all is made. */
  next(...manners: readonly Manner[]): void;
  /** How often a job is still at work when it is asked about. */
  slowness: number;
  reset(): void;
  stop(): void;
}

/** `partly`: the last picture is refused. `cut`: it is made, and the answer breaks off. */
export type Manner = "make" | "partly" | "refuse" | "break" | "cut";

export interface PictureCall {
  readonly kind: "openai" | "dashscope" | "ark" | "gemini" | "task" | "cancel";
  readonly path: string;
  readonly headers: Headers;
  /** JSON, or a form's fields: files as their type and length. */
  readonly body: Record<string, unknown>;
}

export const PICTURE_KEY = "sk-pictures-0123456789abcdef";
/** Tokens, as the mock counts them. */
const WORDS = 12;
const GIVEN = 300;
const DRAWN = 1_000;

export function startMockPictureVendors(): MockPictureVendors {
  const calls: PictureCall[] = [];
  const counted = { images: 0, words: 0, pictureTokens: 0, drawn: 0 };
  const fetched: string[] = [];
  const waiting: Manner[] = [];
  const jobs = new Map<string, { readonly done: () => Response; left: number }>();
  const addresses = new Set<string>();
  const world = { slowness: 0 };
  let origin = "";
  let made = 0;

  const bytes = (): Uint8Array => {
    made += 1;
    counted.images += 1;
    const text = `picture ${made}`;
    return draw({ text, width: 64, height: 48, isTransparent: false, salt: text });
  };
  const base64 = (): string => Buffer.from(bytes()).toString("base64");
  const address = (): string => {
    counted.images += 1;
    made += 1;
    const url = `${origin}/files/${made}.png?Expires=1&Signature=x`;
    addresses.add(url);
    return url;
  };
  const tokens = (given: number, drawn: number): void => {
    counted.words += WORDS;
    counted.pictureTokens += given * GIVEN;
    counted.drawn += drawn * DRAWN;
  };

  function openai(body: Record<string, unknown>, manner: Manner): Response {
    if (body.response_format !== undefined) {
      return refusal(400, {
        error: { message: "Unknown parameter: 'response_format'.", code: "unknown_parameter" },
      });
    }
    if (manner === "refuse") {
      return refusal(400, {
        error: { message: "Our safety system refused it.", code: "moderation_blocked" },
      });
    }
    const count = Number(body.n ?? 1);
    const given = Array.isArray(body["image[]"]) ? body["image[]"].length : 0;
    tokens(given, count);
    const usage = {
      input_tokens: WORDS + given * GIVEN,
      output_tokens: count * DRAWN,
      total_tokens: WORDS + given * GIVEN + count * DRAWN,
      input_tokens_details: { text_tokens: WORDS, image_tokens: given * GIVEN },
    };
    return Response.json({
      created: 1,
      data: Array.from({ length: count }, () => ({ b64_json: base64() })),
      usage,
    });
  }

  function ark(body: Record<string, unknown>, manner: Manner): Response {
    const error = { code: "OutputImageSensitiveContentDetected", message: "It may be sensitive." };
    if (manner === "refuse") return refusal(400, { error });
    const { max_images = 1 } = (body.sequential_image_generation_options ?? {}) as { max_images?: number };
    const good = manner === "partly" ? max_images - 1 : max_images;
    const data: object[] = Array.from({ length: good }, () => ({ url: address(), size: body.size }));
    if (manner === "partly") data.push({ error });
    return Response.json({
      created: 1,
      data,
      usage: { generated_images: good, output_tokens: good * 16_384 },
    });
  }

  function gemini(body: Record<string, unknown>, manner: Manner): Response {
    if (manner === "refuse") return Response.json({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" } });
    const [{ parts = [] } = {}] = body.contents as { parts?: object[] }[];
    const given = parts.filter((part) => "inlineData" in part).length;
    tokens(given, 1);
    return Response.json({
      candidates: [
        {
          content: {
            parts: [{ text: "Here." }, { inlineData: { mimeType: "image/png", data: base64() } }],
          },
          finishReason: "STOP",
        },
      ],
      usageMetadata: {
        promptTokenCount: WORDS + given * GIVEN,
        candidatesTokenCount: DRAWN,
        promptTokensDetails: [{ modality: "IMAGE", tokenCount: given * GIVEN }],
        candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: DRAWN }],
      },
    });
  }

  function dashscope(body: Record<string, unknown>, headers: Headers, manner: Manner): Response {
    const error = { code: "DataInspectionFailed", message: "It may be inappropriate." };
    if (manner === "refuse") return refusal(400, { ...error, request_id: "r" });
    const { n = 1 } = body.parameters as { n?: number };
    const good = manner === "partly" ? n - 1 : n;
    if (headers.get("x-dashscope-async") !== "enable") {
      const content = Array.from({ length: good }, () => ({ image: address() }));
      return Response.json({ output: { choices: [{ message: { content } }] }, usage: { image_count: good } });
    }
    const id = `job-${jobs.size + 1}`;
    const done = (): Response => {
      const results: object[] = Array.from({ length: good }, () => ({ url: address() }));
      if (manner === "partly") results.push(error);
      return Response.json({
        output: { task_id: id, task_status: "SUCCEEDED", results },
        usage: { image_count: good },
      });
    };
    jobs.set(id, { done, left: world.slowness });
    return Response.json({ output: { task_id: id, task_status: "PENDING" }, request_id: "r" });
  }

  function asked(id: string): Response {
    const job = jobs.get(id);
    if (job === undefined) return Response.json({ output: { task_id: id, task_status: "UNKNOWN" } });
    if (job.left <= 0) return job.done();
    job.left -= 1;
    return Response.json({ output: { task_id: id, task_status: "RUNNING" } });
  }

  function file(url: string): Response {
    fetched.push(url);
    if (!addresses.delete(url)) return new Response("<Error>Request has expired</Error>", { status: 403 });
    const png = draw({ text: url, width: 64, height: 48, isTransparent: false, salt: url });
    return new Response(png, { headers: { "content-type": "application/octet-stream" } });
  }

  function submitted(call: PictureCall): Response {
    const manner = waiting.shift() ?? "make";
    if (manner === "break") return refusal(500, { error: { message: "It broke.", type: "server_error" } });
    const { body, headers } = call;
    if (call.kind === "openai") return openai(body, manner);
    if (call.kind === "ark") return ark(body, manner);
    return call.kind === "gemini" ? gemini(body, manner) : dashscope(body, headers, manner);
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request): Promise<Response> {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/files/")) return file(request.url);
      const { headers } = request;
      const key = headers.get("x-goog-api-key") ?? headers.get("authorization")?.replace("Bearer ", "");
      if (key !== PICTURE_KEY) return refusal(401, { error: { message: `Wrong key: ${key}` } });
      const kind = kindOf(pathname);
      const body = request.method === "GET" ? {} : await bodyOf(request);
      calls.push({ kind, path: pathname, headers, body });
      if (kind === "task") return asked(pathname.split("/").at(-1) ?? "");
      if (kind === "cancel") {
        jobs.delete(pathname.split("/").at(-2) ?? "");
        return Response.json({ request_id: "r" });
      }
      const isCut = waiting[0] === "cut";
      const answer = submitted({ kind, path: pathname, headers, body });
      return isCut ? cut() : answer;
    },
  });
  origin = `http://127.0.0.1:${server.port}`;
  return Object.assign(world, {
    origin,
    calls,
    counted,
    fetched,
    next: (...manners: readonly Manner[]) => void waiting.push(...manners),
    reset() {
      calls.length = fetched.length = waiting.length = 0;
      world.slowness = 0;
      Object.assign(counted, { images: 0, words: 0, pictureTokens: 0, drawn: 0 });
    },
    stop: () => void server.stop(true),
  });
}

function kindOf(path: string): PictureCall["kind"] {
  if (/^\/api\/v1\/tasks\/[^/]+\/cancel$/.test(path)) return "cancel";
  if (path.startsWith("/api/v1/tasks/")) return "task";
  if (path.startsWith("/api/v1/services/aigc/")) return "dashscope";
  if (path === "/api/v3/images/generations") return "ark";
  if (path === "/v1/images/generations" || path === "/v1/images/edits") return "openai";
  if (/^\/v1beta\/models\/[^/]+:generateContent$/.test(path)) return "gemini";
  throw new Error(`nobody serves ${path}`);
}

async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  if (!request.headers.get("content-type")?.startsWith("multipart/")) {
    const text = await request.text();
    return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>); // what our own adapter wrote
  }
  const fields: Record<string, unknown> = {};
  for (const [name, value] of (await request.formData()).entries()) {
    const said = typeof value === "string" ? value : `${(value as File).type} ${(value as File).size}`;
    fields[name] = name.endsWith("[]") ? [...((fields[name] as unknown[]) ?? []), said] : said;
  }
  return fields;
}

const cut = (): Response =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.error(new Error("cut"));
      },
    }),
  );

const refusal = (status: number, body: object): Response => Response.json(body, { status });
