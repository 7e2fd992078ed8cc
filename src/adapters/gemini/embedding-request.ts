import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { unsupported } from "../failure/unsupported.ts";
import { draftOf } from "../openai-family/request-draft.ts";
import { methodCall, resourceOf } from "./method-call.ts";

/** What Vercel's adapter sends in one batch; Google's own bound is not documented. */
const MOST_TEXTS = 100;

/**
 * The call for an embeddings body: one text by itself, several as a batch. `task_type` and `title` are Gemini's own:
 * extensions of OpenAI's body.
 * @throws SluiceError `unsupported_parameter` for tokens in place of text, and for more texts than a batch holds
 */
export function embeddingCall(request: GenerationRequest, target: Target): VendorCall {
  const draft = draftOf(request.body);
  draft.removeNulls();
  const { dimensions, task_type, title } = request.body;
  const model = resourceOf(target.model);
  const requests = textsIn(request.body.input).map(
    (text): JsonObject => ({
      model,
      content: { parts: [{ text }] },
      ...(task_type === undefined || task_type === null ? {} : { taskType: task_type }),
      ...(title === undefined || title === null ? {} : { title }),
      ...(dimensions === undefined || dimensions === null ? {} : { outputDimensionality: dimensions }),
    }),
  );
  draft.remove("model", "input", "encoding_format", "dimensions", "task_type", "title");
  draft.keepOnly(new Set());
  const [only, second] = requests;
  return second === undefined && only !== undefined
    ? methodCall(target, "embedContent", only, draft.dropped)
    : methodCall(target, "batchEmbedContents", { requests }, draft.dropped);
}

function textsIn(input: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(input) ? input : [input];
  const texts = items.filter((item) => typeof item === "string");
  if (texts.length < items.length) throw unsupported("input", "Gemini embeds texts, not tokens.");
  if (texts.length > MOST_TEXTS) {
    throw unsupported("input", `Gemini embeds at most ${MOST_TEXTS} texts at once.`);
  }
  return texts;
}
