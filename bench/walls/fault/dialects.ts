import { chat } from "./dialects/chat.ts";
import { completions } from "./dialects/completions.ts";
import type { Dialect } from "./dialects/dialect.ts";
import { gemini } from "./dialects/gemini.ts";
import { messages } from "./dialects/messages.ts";
import { responses } from "./dialects/responses.ts";
import { resumable } from "./dialects/resumable.ts";
import { webSocket } from "./dialects/web-socket.ts";

/** Every way to ask that the wall goes through. */
export const DIALECTS: readonly Dialect[] = [
  chat,
  completions,
  webSocket,
  resumable,
  responses,
  messages,
  gemini,
];
