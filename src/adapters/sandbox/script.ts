import type { JsonObject } from "../../core/generation.ts";
import type { PlannedChoice } from "./plan.ts";
import type { SandboxSettings } from "./settings.ts";
import { finishChunk, type Head, pieceChunk, roleChunk, usageChunk } from "./wire.ts";

/**
 * What a stream sends, step by step. `token` steps are paced; the others leave with the step before them.
 * `cut`, `reset` and `stall` are last.
 */
export type Step =
  | { readonly kind: "token" | "other"; readonly frame: string }
  | { readonly kind: "reset" | "stall" };

/** The script of one stream, its failure included. Lazy: an answer may have many thousand tokens. */
export function* scriptOf(
  head: Head,
  choices: readonly PlannedChoice[],
  usage: JsonObject | undefined,
  settings: SandboxSettings,
): Generator<Step, void> {
  const total = choices.reduce((sum, choice) => sum + choice.pieces.length, 0);
  const failsAt = settings.at ?? Math.floor(total / 2);
  let sent = 0;
  for (const { chunk, isToken } of chunksOf(head, choices)) {
    if (isToken && sent === failsAt && (yield* failing(settings, head))) return;
    if (isToken) sent += 1;
    const shown = settings.usage === "each" && usage !== undefined ? { ...chunk, usage } : chunk;
    yield { kind: isToken ? "token" : "other", frame: frameOf(shown) };
  }
  if (sent <= failsAt && (yield* failing(settings, head))) return;
  yield* finishing(head, choices, usage, settings);
}

interface Chunk {
  readonly chunk: JsonObject;
  readonly isToken: boolean;
}

/** Role, then the pieces of all choices in turn, as vendors interleave them. */
function* chunksOf(head: Head, choices: readonly PlannedChoice[]): Generator<Chunk, void> {
  if (head.isChat) {
    for (const index of choices.keys()) yield { chunk: roleChunk(head, index), isToken: false };
  }
  const longest = Math.max(0, ...choices.map((choice) => choice.pieces.length));
  for (let at = 0; at < longest; at += 1) {
    for (const [index, choice] of choices.entries()) {
      const piece = choice.pieces[at];
      if (piece !== undefined) yield { chunk: pieceChunk(head, index, piece), isToken: true };
    }
  }
}

function* finishing(
  head: Head,
  choices: readonly PlannedChoice[],
  usage: JsonObject | undefined,
  settings: SandboxSettings,
): Generator<Step, void> {
  for (const [index, choice] of choices.entries()) {
    const reason = settings.fail === "broken_off" ? "insufficient_system_resource" : choice.finish;
    const chunk = finishChunk(head, index, reason);
    const isLast = index === choices.length - 1 && settings.usage === "finish" && usage !== undefined;
    yield { kind: "other", frame: frameOf(isLast ? { ...chunk, usage } : chunk) };
  }
  if (usage !== undefined && settings.usage !== "finish" && settings.usage !== "each") {
    yield { kind: "other", frame: frameOf(usageChunk(head, usage)) };
  }
  if (settings.fail !== "no_end") yield { kind: "other", frame: "data: [DONE]\n\n" };
}

/** The failure in the middle, if one is asked for; answers whether the stream is over with it. */
function* failing(settings: SandboxSettings, head: Head): Generator<Step, boolean> {
  switch (settings.fail) {
    case "cut":
      yield { kind: "other", frame: frameOf(roleChunk(head, 0)).slice(0, 40) };
      return true;
    case "reset":
    case "stall":
      yield { kind: settings.fail };
      return true;
    case "error":
      yield { kind: "other", frame: frameOf(SERVER_ERROR) };
      return true;
    case "garbage":
      yield { kind: "other", frame: "data: {this is no JSON\n\n" };
      return false;
    default:
      return false;
  }
}

export const SERVER_ERROR = {
  error: {
    message: "The sandbox broke, as it was asked to.",
    type: "server_error",
    param: null,
    code: "server_error",
  },
} as const;

const frameOf = (chunk: JsonObject): string => `data: ${JSON.stringify(chunk)}\n\n`;
