import type { JsonObject } from "../../core/generation.ts";
import type { AnswerGeneration } from "../../gateway/gateway.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { createChoicesReader } from "./choices.ts";
import { ContentResponses, namesOf } from "./content-response.ts";

/** A whole chat answer as one response: the chunks that it would have been streamed in, put together again. */
export function wholeResponse(
  { started, answer, final }: AnswerGeneration,
  choices: number,
  showsThoughts: boolean,
): JsonObject {
  const responses = new ContentResponses(namesOf(started), choices, showsThoughts);
  const said = listIn(responses.write(createChoicesReader()(answer.parsed))?.candidates);
  const last = responses.finish(final);
  const candidates = listIn(last.candidates).map((one) => {
    const end = objectIn(one) ?? {};
    const begin = said.map(objectIn).find((candidate) => candidate?.index === end.index);
    const parts = [...partsIn(begin), ...partsIn(end).filter((part) => !isNothing(part))];
    const content = { parts: parts.length === 0 ? partsIn(end) : parts, role: "model" };
    return { ...begin, ...end, content };
  });
  return { ...last, candidates };
}

const partsIn = (candidate: JsonObject | undefined): readonly unknown[] =>
  listIn(objectIn(candidate?.content)?.parts);

/** What only a stream needs, so that its last chunk has a part. */
function isNothing(part: unknown): boolean {
  const { text, ...rest } = objectIn(part) ?? {};
  return text === "" && Object.keys(rest).length === 0;
}
