import type { AdapterName } from "../core/catalog.ts";
import type { Clock } from "../core/clock.ts";
import type { Adapter } from "./adapter.ts";
import { createAnthropic } from "./anthropic/index.ts";
import { deepseek } from "./deepseek/index.ts";
import { doubao } from "./doubao/index.ts";
import { openai } from "./openai/index.ts";
import { openaiCompatible } from "./openai-compatible/index.ts";
import { qwen } from "./qwen/index.ts";
import { createSandbox } from "./sandbox/index.ts";

/** Every vendor that can be spoken to. A new one is a folder and a line here. */
export function createAdapters({ clock }: { readonly clock: Clock }): ReadonlyMap<AdapterName, Adapter> {
  const adapters = [
    openai,
    createAnthropic(clock),
    deepseek,
    qwen,
    doubao,
    openaiCompatible,
    createSandbox(clock),
  ];
  return new Map(adapters.map((adapter) => [adapter.name, adapter]));
}
