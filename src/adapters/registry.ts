import type { AdapterName } from "../core/catalog.ts";
import type { Clock } from "../core/clock.ts";
import type { Adapter } from "./adapter.ts";
import { createAnthropic } from "./anthropic/index.ts";
import { claid } from "./claid/index.ts";
import { deepseek } from "./deepseek/index.ts";
import { seedream } from "./doubao/images/index.ts";
import { doubao } from "./doubao/index.ts";
import { geminiImages } from "./gemini/images/index.ts";
import { createGemini } from "./gemini/index.ts";
import type { MediaAdapter, VendorAdapters } from "./media-adapter.ts";
import { midjourney } from "./midjourney/index.ts";
import { openaiCompatibleImages, openaiImages } from "./openai/images/index.ts";
import { openai } from "./openai/index.ts";
import { openaiCompatible } from "./openai-compatible/index.ts";
import { photoroom } from "./photoroom/index.ts";
import { qwenImages } from "./qwen/images/index.ts";
import { createQwen } from "./qwen/index.ts";
import { createSandbox } from "./sandbox/index.ts";
import { createSandboxMedia } from "./sandbox/media/adapter.ts";

/** Every vendor that can be spoken to. A new one is a folder and a line here. */
export function createAdapters({
  clock,
}: {
  readonly clock: Clock;
}): ReadonlyMap<AdapterName, VendorAdapters> {
  const text: readonly Adapter[] = [
    openai,
    createAnthropic(clock),
    createGemini(clock),
    deepseek,
    createQwen(clock),
    doubao,
    openaiCompatible,
    createSandbox(clock),
  ];
  const media: readonly MediaAdapter[] = [
    openaiImages,
    openaiCompatibleImages,
    geminiImages,
    qwenImages,
    seedream,
    midjourney,
    photoroom,
    claid,
    createSandboxMedia(clock),
  ];
  const adapters = new Map<AdapterName, VendorAdapters>();
  for (const adapter of text) adapters.set(adapter.name, { text: adapter });
  for (const adapter of media) adapters.set(adapter.name, { ...adapters.get(adapter.name), media: adapter });
  return adapters;
}
