import type { GenerationRequest, JsonObject, NativeRequest } from "../../core/generation.ts";
import { parseChat } from "../../gateway/requests/chat.ts";
import { asBody, asObject, checkFields, type FieldType } from "../../gateway/requests/fields.ts";
import { pdfTokensIn } from "../../gateway/requests/pdf-documents.ts";
import { spokenBytes } from "../anthropic/spoken-bytes.ts";
import { Losses } from "../losses.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { unsupported } from "../openai/responses/unsupported.ts";
import { chatMessages } from "./contents.ts";
import { configFields } from "./generation-config.ts";
import { plainBody } from "./plain-body.ts";
import { isSealed } from "./signatures.ts";
import { toolFields } from "./tools.ts";
import { errorHere } from "./words.ts";

/** A body of `:generateContent` or `:streamGenerateContent`, read and checked. */
export interface ContentRequest {
  /** As a chat, and as it came. */
  readonly request: GenerationRequest;
  /** What the chat leaves out, in the client's words: named when a vendor of another dialect serves. */
  readonly dropped: readonly string[];
  /** The client asked to be shown what the model thinks. */
  readonly showsThoughts: boolean;
}

const FIELDS: Readonly<Record<string, FieldType>> = {
  contents: "array",
  tools: "array",
  toolConfig: "object",
  generationConfig: "object",
  cachedContent: "string",
};

/** Said in the chat as well; whatever else is set is Gemini's alone. `model` stands in the path. */
const IN_CHAT = new Set([
  ...["model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig"],
]);

/**
 * Reads a body of Gemini's (Google's published SDK types), in either spelling of its fields.
 * @param model as the path names it
 * @param bodyBytes size of the body on the wire; `spoken`: only what the model is told counts, as for a count of its tokens
 * @throws SluiceError `invalid_request` or `unsupported_parameter` with the field in `param`
 */
export function parseContent(
  value: unknown,
  model: string,
  stream: boolean,
  bodyBytes: number | "spoken",
): ContentRequest {
  const body = plainBody(asBody(value));
  checkFields(body, FIELDS);
  const losses = new Losses("Gemini");
  const config = objectIn(body.generationConfig) ?? {};
  const chat = chatOf(body, config, losses);
  const bytes = bodyBytes === "spoken" ? spokenBytes(chat) : bodyBytes;
  const request = parsed({ model, ...(stream ? { stream } : {}), ...chat }, bytes);
  const only = losses.only === undefined ? {} : { only: losses.only };
  const native: NativeRequest = { dialect: "gemini", body: withoutForeignSignatures(body), ...only };
  const promptTokens =
    request.promptTokens + (hasFetched(body) ? FETCHED_TOKENS : 0) + pdfTokensIn(shownByTools(body));
  const usesTools = request.usesTools || listIn(body.tools).length > 0;
  return {
    request: { ...request, native, promptTokens, usesTools },
    dropped: [...losses.dropped],
    showsThoughts: objectIn(config.thinkingConfig)?.includeThoughts === true,
  };
}

/** Nobody here has seen a document or a film that Google fetches: the most that its models read (their input limit). */
const FETCHED_TOKENS = 1_048_576;

const hasFetched = ({ contents, systemInstruction }: JsonObject): boolean =>
  [systemInstruction, ...listIn(contents)].some((content) => partsOf(content).some(isFetched));

/** Films by their address, whatever their kind is said to be. */
const FILM_HOST = /(?:^|\.)(?:youtube\.com|youtube-nocookie\.com|youtu\.be)\.?$/i;

/** Pictures by their address are estimated as all pictures are, but for those that a tool shows: no chat has them. */
function isFetched(part: unknown): boolean {
  const { fileData, functionResponse } = objectIn(part) ?? {};
  if (partsOf(functionResponse).some((shown) => objectIn(shown)?.fileData !== undefined)) return true;
  const file = objectIn(fileData);
  if (file === undefined) return false;
  return (
    !String(file.mimeType).startsWith("image/") ||
    FILM_HOST.test(URL.parse(String(file.fileUri))?.hostname ?? "")
  );
}

/** What results of tools show beside their words, which no chat has. */
const shownByTools = ({ contents }: JsonObject): readonly unknown[] =>
  listIn(contents).flatMap((content) =>
    partsOf(content).flatMap((part) => partsOf(objectIn(part)?.functionResponse)),
  );

/** Places in the chat are none of the client's. */
function parsed(chat: JsonObject, bodyBytes: number): GenerationRequest {
  try {
    return parseChat(chat, bodyBytes);
  } catch (thrown) {
    throw errorHere(thrown);
  }
}

function chatOf(body: JsonObject, config: JsonObject, losses: Losses): JsonObject {
  if (body.cachedContent !== undefined) {
    throw unsupported("cachedContent", "caches belong to the platform's account at Google");
  }
  for (const name of Object.keys(body)) if (!IN_CHAT.has(name)) losses.drop(name);
  const fields = {
    messages: chatMessages(body, losses),
    ...configFields(config, losses),
    ...toolFields(body, losses),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined));
}

/** Signatures that other vendors' answers were given here: Gemini would refuse them. */
function withoutForeignSignatures(body: JsonObject): JsonObject {
  const contents = listIn(body.contents);
  if (!contents.some((content) => partsOf(content).some(hasForeign))) return body;
  return {
    ...body,
    contents: contents.map((content) => ({
      ...asObject(content, "contents"),
      parts: partsOf(content).map((part) => (hasForeign(part) ? unsigned(part) : part)),
    })),
  };
}

const partsOf = (content: unknown): readonly unknown[] => listIn(objectIn(content)?.parts);

const hasForeign = (part: unknown): boolean => isSealed(objectIn(part)?.thoughtSignature);

function unsigned(part: unknown): JsonObject {
  const { thoughtSignature: _, ...rest } = objectIn(part) ?? {};
  return rest;
}
