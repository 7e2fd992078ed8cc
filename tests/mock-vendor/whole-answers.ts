import type { JsonObject } from "../../src/core/generation.ts";
import type { VendorRequest } from "./call.ts";
import type { Plan, PlannedChoice } from "./plan.ts";
import type { Script } from "./script.ts";
import { SHAPES, type ShapeRules } from "./shapes.ts";
import { usagesOf } from "./usages.ts";

/** The answer of a chat or a legacy completion that is not streamed. */
export function answerOf(request: VendorRequest, script: Script, plan: Plan, number: number): JsonObject {
  const rules = SHAPES[script.shape ?? "openai"];
  const isChat = request.operation === "chat";
  const [usage] = usagesOf(request, script, rules, plan.counts).slice(-1);
  return {
    id: isChat ? rules.answerId(number) : `cmpl-mock${number}`,
    object: isChat ? "chat.completion" : "text_completion",
    created: 1_770_933_892 + number,
    model: request.model,
    choices: plan.choices.map((choice, index) => ({
      index,
      ...(isChat ? { message: messageOf(rules, choice) } : { text: choice.pieces.join("") }),
      logprobs: null,
      finish_reason: choice.finish,
    })),
    ...(usage && { usage }),
    ...rules.extras,
  };
}

const messageOf = (rules: ShapeRules, choice: PlannedChoice): JsonObject =>
  rules.message({
    text: choice.pieces.join(""),
    reasoning: choice.reasoning.join(""),
    toolCalls: choice.toolCalls,
  });

const DIMENSIONS = 8;

/** One vector for each input; its numbers depend on nothing but its place. Base64 as OpenAI's SDK asks for it. */
export function embeddingsOf(request: VendorRequest, plan: Plan): JsonObject {
  const { input, encoding_format: format, dimensions } = request.body;
  const isList = Array.isArray(input) && typeof input[0] !== "number";
  const count = isList ? input.length : 1;
  const size = typeof dimensions === "number" ? dimensions : DIMENSIONS;
  return {
    object: "list",
    data: Array.from({ length: count }, (_, index) => {
      const vector = Float32Array.from({ length: size }, (_unused, at) => (index + 1) / (at + 2));
      const embedding = format === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector];
      return { object: "embedding", index, embedding };
    }),
    model: request.model,
    usage: { prompt_tokens: plan.counts.prompt, total_tokens: plan.counts.prompt },
  };
}

export const modelsOf = (models: readonly string[]): JsonObject => ({
  object: "list",
  data: models.map((id) => ({ id, object: "model", created: 1_770_933_892, owned_by: "mock" })),
});
