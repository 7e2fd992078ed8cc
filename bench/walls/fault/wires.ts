import { anthropic } from "./wires/anthropic.ts";
import { gemini } from "./wires/gemini.ts";
import { openai } from "./wires/openai.ts";
import { openaiResponses } from "./wires/openai-responses.ts";
import type { Wire } from "./wires/wire.ts";

/** The wires that the wall's vendors speak. */
export const WIRES: readonly Wire[] = [openai, openaiResponses, anthropic, gemini];
