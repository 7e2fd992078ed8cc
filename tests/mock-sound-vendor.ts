import type { Server } from "bun";

/** What a vendor of sound was asked, as it came. */
export interface SoundCall {
  readonly path: string;
  readonly key: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly file?: { readonly name: string; readonly bytes: number };
}

/** OpenAI's calls for sound, moderations and embeddings, as its specification 2.3.0 has them. Constructed. */
export interface SoundVendor {
  readonly url: string;
  readonly calls: SoundCall[];
  stop(): Promise<void>;
}

export const SOUND = Uint8Array.from({ length: 50_000 }, (_, at) =>
  at === 0 ? 0xff : at === 1 ? 0xfb : at % 251,
);
export const SPEECH_USAGE = { input_tokens: 14, output_tokens: 101, total_tokens: 115 };
export const HEARD = "The quick brown fox.";
const PIECE_BYTES = 8_000;

/** Words in what is asked make it fail: `[cut]` in the middle, `[busy]` at once for keys that end with 1, `[json]` with an error inside a 200. */
export function startSoundVendor(): SoundVendor {
  const calls: SoundCall[] = [];
  const server: Server<unknown> = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname: path } = new URL(request.url);
      const key = request.headers.get("authorization")?.replace("Bearer ", "") ?? "";
      const call = { path, key, ...(await read(request)) };
      calls.push(call);
      const words = JSON.stringify(call.fields);
      if (words.includes("[busy]") && key.endsWith("1")) {
        return Response.json(
          { error: { message: "Overloaded.", type: "server_error", code: null } },
          { status: 503 },
        );
      }
      if (words.includes("[json]")) {
        return Response.json({
          error: { message: `No: ${key}`, type: "server_error", code: "server_error" },
        });
      }
      if (path.endsWith("/audio/speech")) return speech(call.fields, words.includes("[cut]"));
      if (path.endsWith("/audio/transcriptions")) return transcript(call.fields, words.includes("[cut]"));
      if (path.endsWith("/audio/translations")) {
        return Response.json({
          task: "translate",
          language: "german",
          duration: 7.2,
          text: HEARD,
          segments: SEGMENTS,
        });
      }
      if (path.endsWith("/moderations")) {
        return Response.json({
          id: "modr-1",
          model: "omni",
          results: [{ flagged: true, categories: { violence: true } }],
        });
      }
      return Response.json(
        { error: { message: "no such path", type: "invalid_request_error" } },
        { status: 404 },
      );
    },
  });
  return { url: `http://127.0.0.1:${server.port}/v1`, calls, stop: () => server.stop(true) };
}

async function read(request: Request): Promise<Omit<SoundCall, "path" | "key">> {
  if (request.headers.get("content-type")?.startsWith("multipart/") !== true) {
    return { fields: (await request.json()) as Record<string, unknown> };
  }
  const fields: Record<string, unknown> = {};
  let file: SoundCall["file"];
  for (const [name, value] of (await request.formData()).entries()) {
    if (typeof value === "string") fields[name] = name in fields ? [fields[name], value].flat() : value;
    else file = { name: value.name, bytes: value.size };
  }
  return { fields, ...(file === undefined ? {} : { file }) };
}

function speech({ stream_format }: SoundCall["fields"], isCut: boolean): Response {
  const pieces = Array.from({ length: Math.ceil(SOUND.length / PIECE_BYTES) }, (_, at) =>
    SOUND.slice(at * PIECE_BYTES, (at + 1) * PIECE_BYTES),
  );
  const isEvents = stream_format === "sse";
  const frames = pieces.map((piece) =>
    isEvents ? event({ type: "speech.audio.delta", audio: Buffer.from(piece).toString("base64") }) : piece,
  );
  if (isEvents && !isCut) {
    frames.push(
      event({ type: "speech.audio.done", usage: SPEECH_USAGE }),
      Buffer.from("data: [DONE]\r\n\r\n"),
    );
  }
  return streamed(isCut ? frames.slice(0, 3) : frames, isCut, isEvents ? "text/event-stream" : "audio/mpeg");
}

const SEGMENTS = [
  { id: 0, start: 0, end: 1.5, text: " The quick" },
  { id: 1, start: 1.5, end: 3_723.0045, text: " brown fox." },
];

function transcript({ response_format, stream, model }: SoundCall["fields"], isCut: boolean): Response {
  const usage = String(model).startsWith("gpt-4o")
    ? {
        type: "tokens",
        input_tokens: 40,
        input_token_details: { text_tokens: 4, audio_tokens: 36 },
        output_tokens: 6,
        total_tokens: 46,
      }
    : { type: "duration", seconds: 4 };
  if (stream === "true" && model !== "whisper-1") {
    const frames = HEARD.split(/(?= )/).map((delta) => event({ type: "transcript.text.delta", delta }));
    const end = [
      event({ type: "transcript.text.done", text: HEARD, usage }),
      Buffer.from("data: [DONE]\r\n\r\n"),
    ];
    return streamed(isCut ? frames.slice(0, 2) : [...frames, ...end], isCut, "text/event-stream");
  }
  if (response_format === "verbose_json") {
    return Response.json({
      task: "transcribe",
      language: "english",
      duration: 3.1,
      text: HEARD,
      segments: SEGMENTS,
      usage,
    });
  }
  return Response.json({ text: HEARD, usage });
}

/** A cut connection is reset. */
function streamed(pieces: readonly Uint8Array[], isCut: boolean, type: string): Response {
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = pieces[next];
      next += 1;
      if (piece !== undefined) controller.enqueue(piece);
      else if (isCut) {
        // What was written leaves first: a reset throws away what was not read.
        await Bun.sleep(50);
        controller.error();
      } else controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": type } });
}

const event = (value: object): Uint8Array => Buffer.from(`data: ${JSON.stringify(value)}\r\n\r\n`);
