import type { FinishReason } from "../../core/generation.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";

/** Two of DeepSeek's reasons say that inference was interrupted: a failure of the vendor, not an end. */
export const finishReason = (raw: string): FinishReason | undefined =>
  raw === "insufficient_system_resource" || raw === "aborted" ? undefined : finishReasonOf(raw);
