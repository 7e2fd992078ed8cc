import type { JsonObject } from "../../core/generation.ts";
import { asObject, invalid } from "../../gateway/requests/fields.ts";
import { contentOf } from "../anthropic/parts.ts";
import type { Losses } from "../losses.ts";
import { objectIn } from "../openai/responses/chat-pieces.ts";
import { Calls } from "./calls.ts";
import { ModelTurn } from "./model-turn.ts";
import { ofOneKind, partsOf, resultIn } from "./parts.ts";

/**
 * The conversation as chat messages. Contents of the model that follow one another are one message: SDKs keep each chunk
 * of a stream as a content of its own.
 * @param body a plain one
 * @throws SluiceError `invalid_request` naming what cannot be read
 */
export function chatMessages(body: JsonObject, losses: Losses): readonly JsonObject[] {
  const { contents } = body;
  if (contents === undefined) throw invalid("contents", "is required");
  if (!Array.isArray(contents) || contents.length === 0) throw invalid("contents", "must not be empty");
  const messages: JsonObject[] = [...systemMessages(body.systemInstruction, losses)];
  const calls = new Calls();
  let turn: ModelTurn | undefined;
  const endTurn = (): void => {
    if (turn !== undefined) messages.push(turn.message());
    turn = undefined;
  };
  contents.forEach((content: unknown, at) => {
    const path = `contents[${at}]`;
    const { role } = asObject(content, path);
    const parts = partsIn(content, path);
    if (role === "model") {
      if (turn === undefined) calls.forget();
      turn ??= new ModelTurn(calls, losses);
      for (const [index, part] of parts.entries()) turn.take(part, `${path}.parts[${index}]`);
      return;
    }
    if (role !== undefined && role !== "user" && role !== "function")
      throw invalid(`${path}.role`, "must be 'user' or 'model'");
    endTurn();
    messages.push(...userMessages(parts, path, calls, losses));
  });
  // A chat has no word for an answer that is to go on from here.
  if (turn !== undefined) losses.drop("contents.prefill");
  endTurn();
  return messages;
}

/** A content's parts; also of one that is only a text, as SDKs let one write it. */
export function partsIn(content: unknown, path: string): readonly JsonObject[] {
  if (typeof content === "string") return [{ text: content }];
  const { parts = [] } = asObject(content, path);
  if (!Array.isArray(parts)) throw invalid(`${path}.parts`, "must be an array");
  return parts.map((part: unknown, at) =>
    typeof part === "string"
      ? { text: part }
      : ofOneKind(asObject(part, `${path}.parts[${at}]`), `${path}.parts[${at}]`),
  );
}

function systemMessages(system: unknown, losses: Losses): readonly JsonObject[] {
  if (system === undefined) return [];
  const parts = partsIn(system, "systemInstruction").flatMap((part, at) =>
    partsOf(part, `systemInstruction.parts[${at}]`, losses),
  );
  return parts.length === 0 ? [] : [{ role: "system", content: contentOf(parts) }];
}

/** Results of tools stand before what the user says. */
function userMessages(
  parts: readonly JsonObject[],
  path: string,
  calls: Calls,
  losses: Losses,
): readonly JsonObject[] {
  const results: JsonObject[] = [];
  const said: JsonObject[] = [];
  parts.forEach((part, at) => {
    const place = `${path}.parts[${at}]`;
    const result = resultIn(part);
    if (result === undefined) {
      if (objectIn(part.functionCall) !== undefined) throw invalid(place, "only the model calls functions");
      said.push(...partsOf(part, place, losses));
      return;
    }
    if (result.parts !== undefined) {
      const shown = `${place}.functionResponse`;
      for (const [index, one] of partsIn(result, shown).entries())
        partsOf(one, `${shown}.parts[${index}]`, losses);
      losses.needOwn(`${shown}.parts`, "a chat's tools answer in words");
    }
    results.push(calls.answered(result, `${place}.functionResponse`));
  });
  if (said.length === 0 && results.length > 0) return results;
  return [...results, { role: "user", content: contentOf(said) }];
}
