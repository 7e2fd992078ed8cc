import { createHmac } from "node:crypto";
import { draw } from "../src/adapters/sandbox/media/drawing.ts";

/** Photoroom and Claid on one port, for tests: what they were asked is kept, and what they answer is said by the test. */
export interface MockPhotoStudios {
  readonly photoroomUrl: string;
  readonly claidUrl: string;
  readonly photoroom: readonly Asked[];
  /** Calls that cost: questions about jobs are not among them. */
  readonly claid: readonly Asked[];
  behave(manner: Partial<Manner>): void;
  /** What Claid's webhook sends of its latest job. */
  claidMessage(status: "DONE" | "ERROR"): { readonly body: string; readonly signature: string };
  stop(): void;
}

export interface Asked {
  readonly path: string;
  readonly key: string | null;
  /** JSON, or the fields of a form with files as their size. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Manner {
  readonly photoroom: "picture" | "page" | "no money" | "wrong" | "cut";
  readonly claid: "take" | "wrong" | "busy" | "cut";
  readonly claidJob: "PROCESSING" | "DONE" | "ERROR";
}

export const CLAID_HOOK_SECRET = "claid-hook-secret";
const USUAL: Manner = { photoroom: "picture", claid: "take", claidJob: "DONE" };
const CUT = () => new Response(new ReadableStream({ start: (stream) => stream.error(new Error("cut")) }));
const PNG = (salt: string) => draw({ text: salt, width: 24, height: 24, isTransparent: false, salt });

export function startMockPhotoStudios(): MockPhotoStudios {
  const photoroom: Asked[] = [];
  const claid: Asked[] = [];
  let manner = USUAL;
  let url = "";

  const answerPhotoroom = (): Response => {
    switch (manner.photoroom) {
      case "picture":
        return new Response(PNG("photoroom"), {
          headers: { "content-type": "image/png", "x-uncertainty-score": "0.1" },
        });
      case "page":
        return new Response("<html>hello</html>", { headers: { "content-type": "text/html" } });
      case "no money":
        return Response.json({ error: { detail: "API credits exhausted." } }, { status: 402 });
      case "wrong":
        return Response.json({ error: { message: "removeBackground must be boolean" } }, { status: 400 });
      case "cut":
        return CUT();
    }
  };
  const outputOf = (name: string) => ({
    ext: "png",
    mps: 0.1,
    width: 24,
    height: 24,
    tmp_url: `${url}/files/${name}.png`,
  });
  const jobOf = (status: string) => ({
    data: {
      id: claid.length,
      status,
      result_url: `https://api.claid.test/v1/image/ai-edit/${claid.length}`,
      ...(status === "DONE" ? { result: { output_objects: [outputOf("job")] } } : {}),
      ...(status === "ERROR" ? { errors: [{ error: "Internal failure" }] } : {}),
    },
  });
  const answerClaid = (path: string, count: number): Response => {
    if (manner.claid === "wrong") {
      const error = { error_code: "9000", error_type: "validation", error_message: "Validation error" };
      return Response.json({ ...error, error_details: { "operations.padding": ["no"] } }, { status: 422 });
    }
    if (manner.claid === "busy") {
      const error = { error_code: "2001", error_type: "rate", error_message: "Rate limit exceeded" };
      return Response.json({ detail: error }, { status: 429, headers: { "RateLimit-Reset": "1" } });
    }
    if (manner.claid === "cut") return CUT();
    if (path === "/image/ai-edit") return Response.json(jobOf("ACCEPTED"));
    if (path === "/image/generate") {
      const output = Array.from({ length: count }, (_, at) => outputOf(`g${at}`));
      return Response.json({ data: { output } });
    }
    return Response.json({ data: { output: outputOf("edit"), profiling: {} } });
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request): Promise<Response> {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/files/")) {
        return new Response(PNG(pathname), { headers: { "content-type": "image/png" } });
      }
      const [, vendor, path = ""] = /^\/(photoroom|claid)(\/.*)$/.exec(pathname) ?? [];
      if (request.method === "GET") return Response.json(jobOf(manner.claidJob));
      const fields = await fieldsOf(request);
      if (vendor === "photoroom") {
        photoroom.push({ path, key: request.headers.get("x-api-key"), fields });
        return answerPhotoroom();
      }
      claid.push({ path, key: request.headers.get("authorization"), fields });
      const { number_of_images: count } = (fields.options ?? {}) as { number_of_images?: number };
      return answerClaid(path, count ?? 4);
    },
  });
  url = `http://127.0.0.1:${server.port}`;
  return {
    photoroomUrl: `${url}/photoroom`,
    claidUrl: `${url}/claid`,
    photoroom,
    claid,
    behave(changes) {
      manner = { ...USUAL, ...changes };
    },
    claidMessage(status) {
      const body = JSON.stringify(jobOf(status));
      return { body, signature: createHmac("sha256", CLAID_HOOK_SECRET).update(body).digest("hex") };
    },
    stop: () => void server.stop(true),
  };
}

async function fieldsOf(request: Request): Promise<Record<string, unknown>> {
  if (request.headers.get("content-type")?.startsWith("application/json") === true) {
    return (await request.json()) as Record<string, unknown>;
  }
  const fields: Record<string, unknown> = {};
  // Files are left out of the runtime's own type.
  for (const [name, value] of (await request.formData()).entries() as Iterable<[string, string | Blob]>) {
    fields[name] = value instanceof Blob ? value.size : value;
  }
  return fields;
}
