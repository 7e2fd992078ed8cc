import { type Answer, frame, TOOL, type Told, type Wire } from "./wire.ts";

const STATUSES: ReadonlyMap<number, string> = new Map([
  [400, "INVALID_ARGUMENT"],
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "NOT_FOUND"],
  [429, "RESOURCE_EXHAUSTED"],
  [500, "INTERNAL"],
  [503, "UNAVAILABLE"],
  [504, "DEADLINE_EXCEEDED"],
]);

/** Gemini's `generateContent` and `streamGenerateContent`, as its API reference has them: no end marker but the stream's end. */
export const gemini: Wire = {
  name: "gemini",
  adapter: "gemini",
  baseUrl: (url) => url,
  read(path) {
    const [, model, method] = /\/models\/([^/:]+):(generateContent|streamGenerateContent)/.exec(path) ?? [];
    if (model === undefined) return undefined;
    return { model, isStream: method === "streamGenerateContent", operation: "chat" };
  },
  frames(answer) {
    const [first, ...more] = answer.usage;
    const parts = answer.call === undefined ? answer.words.map((text) => ({ text })) : [callOf(answer.call)];
    return {
      opening: "",
      content: parts.map((part) => frame({ ...HEAD, candidates: [candidateOf([part])] })),
      finish:
        frame({ ...HEAD, candidates: [candidateOf([{ text: "" }], "STOP")], ...usageOf(first) }) +
        more.map((told) => frame({ ...HEAD, ...usageOf(told) })).join(""),
      usage: "",
      end: "",
    };
  },
  whole(answer) {
    const part = answer.call === undefined ? { text: answer.words.join("") } : callOf(answer.call);
    return JSON.stringify({
      ...HEAD,
      candidates: [candidateOf([part], "STOP")],
      ...usageOf(answer.usage.at(-1)),
    });
  },
  refusal: (status) => JSON.stringify(errorOf(status)),
  failure: frame(errorOf(503)),
  tellsPromptFirst: false,
  tellsUsageWithFinish: true,
  lacks: ["end marker", "pieces of calls"],
};

const HEAD = { modelVersion: "wall", responseId: "wall" };

function errorOf(code: number): object {
  return { error: { code, message: "The vendor says no.", status: STATUSES.get(code) ?? "UNKNOWN" } };
}

const candidateOf = (parts: readonly object[], finishReason?: string): object => ({
  index: 0,
  content: { role: "model", parts },
  ...(finishReason === undefined ? {} : { finishReason }),
});

const callOf = (pieces: NonNullable<Answer["call"]>): object => ({
  functionCall: { name: TOOL, args: JSON.parse(pieces.join("")) },
});

const usageOf = (told: Told | undefined): object =>
  told === undefined
    ? {}
    : { usageMetadata: { promptTokenCount: told.prompt, candidatesTokenCount: told.completion } };
