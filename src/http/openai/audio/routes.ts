import { Elysia } from "elysia";
import { SluiceError } from "../../../core/errors.ts";
import type { GenerationRequest } from "../../../core/generation.ts";
import type { RequestId } from "../../../core/ids.ts";
import { nextOf } from "../../../core/poll.ts";
import type { Generation } from "../../../gateway/gateway.ts";
import { parseSpeech } from "../../../gateway/requests/speech.ts";
import { parseTranscription } from "../../../gateway/requests/transcription.ts";
import { createAnswer } from "../../answer.ts";
import { parseJson, readBody } from "../../body.ts";
import { credentialOf } from "../../credential.ts";
import { formPrint, isForm, readFormEntries } from "../../form-entries.ts";
import { answeredStream, generationHeaders } from "../../generation-response.ts";
import { runOnce } from "../../run-once.ts";
import { wishesIn } from "../../wishes.ts";
import { answerResponse, type GenerationRoutePorts, type RequestServer } from "../generations.ts";
import { eventBody } from "./event-body.ts";
import { soundBody, soundType } from "./sound-body.ts";
import { readTranscriptionForm } from "./transcription-form.ts";

/** A body as read: what is asked for, and of what else the answer depends. */
interface Asked {
  readonly request: GenerationRequest;
  readonly print: string | Uint8Array;
}

interface Endpoint {
  readonly path: string;
  read(bytes: Uint8Array, contentType: string): Asked | Promise<Asked>;
}

const ENDPOINTS: readonly Endpoint[] = [
  {
    path: "/v1/audio/speech",
    read: (bytes) => ({ request: parseSpeech(parseJson(bytes)), print: bytes }),
  },
  { path: "/v1/audio/transcriptions", read: (bytes, type) => readRecording(bytes, type, "transcription") },
  { path: "/v1/audio/translations", read: (bytes, type) => readRecording(bytes, type, "translation") },
];

/** OpenAI's calls for sound: read aloud, written down, translated into English. */
export function audioRoutes(ports: GenerationRoutePorts) {
  const answer = createAnswer(ports);
  const app = new Elysia({ name: "openai-audio" });
  for (const endpoint of ENDPOINTS) {
    const { path } = endpoint;
    app.post(
      path,
      ({ request, server }) => answer(request, path, (id) => run(ports, endpoint, request, server, id)),
      { parse: "none" },
    );
  }
  return app;
}

async function run(
  ports: GenerationRoutePorts,
  { path, read }: Endpoint,
  request: Request,
  server: RequestServer | null,
  id: RequestId,
): Promise<Response> {
  const caller = await ports.gateway.authenticate(credentialOf(request, server), "audio");
  if (request.headers.get("x-sluice-resumable") === "true") {
    throw new SluiceError("invalid_request", "Sound is not resumable: ask without 'x-sluice-resumable'.");
  }
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const asked = await read(bytes, request.headers.get("content-type") ?? "");
  server?.timeout(request, 0);
  const generate = async (signal: AbortSignal | undefined): Promise<Response> => {
    const options = { ...wishesIn(request.headers), requestId: id, path, mode: "passthrough" } as const;
    const generation = await ports.gateway.generate(caller, asked.request, {
      ...options,
      ...(signal === undefined ? {} : { signal }),
    });
    return responseOf(generation, asked.request, signal === undefined);
  };
  const { tenant } = caller;
  return runOnce(ports.idempotency, request, { tenant, id, print: asked.print, about: path }, (_, signal) =>
    generate(signal),
  );
}

async function responseOf(
  generation: Generation,
  { operation, body }: GenerationRequest,
  isKept: boolean,
): Promise<Response> {
  if (generation.kind === "answer") return answerResponse(generation);
  if (operation !== "speech" || body.stream_format === "sse") {
    return answeredStream(eventBody(generation), generation.started);
  }
  const headers = generationHeaders(generation.started);
  const first = await nextOf(generation);
  headers.set("content-type", soundType(first, body.response_format));
  return new Response(soundBody(generation, first, isKept), { headers });
}

async function readRecording(
  bytes: Uint8Array,
  contentType: string,
  operation: "transcription" | "translation",
): Promise<Asked> {
  if (!isForm(contentType)) {
    throw new SluiceError("invalid_request", "Send the recording as 'multipart/form-data'.", {
      param: "file",
    });
  }
  const entries = await readFormEntries(bytes, contentType);
  const { body, file } = readTranscriptionForm(entries);
  return { request: parseTranscription(body, operation, file), print: formPrint(entries) };
}
