import type { JsonObject } from "../../../core/generation.ts";
import type { TenantId } from "../../../core/ids.ts";
import type { AnswerGeneration } from "../../../gateway/gateway.ts";
import { createChatReader, listIn, objectIn } from "./chat-pieces.ts";
import { Output } from "./output.ts";
import { shownNames, shownText } from "./own-response.ts";
import type { ResponsesRequest } from "./request.ts";
import { type ResponseAbout, responseObject, shownTo, statusOf, suffixOf } from "./response-object.ts";
import type { StreamBodyPorts } from "./stream-body.ts";

/**
 * A vendor's own response, by the names that it has here; undefined: the answer is a chat's.
 * @returns its JSON text
 */
export async function ownResponse(
  { keeping }: StreamBodyPorts,
  { answer }: AnswerGeneration,
  tenant: TenantId,
  about: ResponseAbout,
  request: ResponsesRequest,
): Promise<string | undefined> {
  if (answer.dialect === undefined) return undefined;
  const { parsed, body } = answer;
  const kept = { ...parsed, ...shownNames(about, request.store) };
  const isKept = request.store && (await keeping.keep(tenant, request, kept));
  return shownText(about, Buffer.from(body).toString("utf8"), parsed, shownNames(about, isKept));
}

/** A whole chat answer as a response: the same pieces as of a stream, so that both forms cannot mean different things. */
export async function wholeResponse(
  { clock, keeping }: StreamBodyPorts,
  { answer, final }: AnswerGeneration,
  tenant: TenantId,
  about: ResponseAbout,
  request: ResponsesRequest,
): Promise<JsonObject> {
  const output = new Output({
    suffix: suffixOf(about.requestId),
    summarizes: request.summarizes,
    emit() {},
  });
  const choice = objectIn(listIn(answer.parsed.choices)[0]);
  for (const piece of choice === undefined ? [] : createChatReader()(choice)) output.write(piece);
  const status = statusOf(final);
  output.end(status === "completed" ? "completed" : "incomplete");
  const endedAt = Math.floor(clock.now() / 1_000);
  const response = responseObject(about, { status, output: output.items(), final, endedAt });
  const isKept = request.store && (await keeping.keep(tenant, request, response));
  return shownTo(request.include, { ...response, store: isKept });
}
