import type { JsonObject } from "../../../core/generation.ts";
import type { Usage } from "../../../core/usage.ts";
import { objectOf } from "../../json.ts";
import { readUsage } from "../usage.ts";

/**
 * Native usage in the normal form: the compatible mode's under other names. Cached tokens stand in
 * `prompt_tokens_details`, reasoning in `output_tokens_details`; how many tokens pictures and sound were stands at the
 * top, or in `input_tokens_details`. Of a stream the last one counts: each is the total so far.
 */
export function nativeUsage(raw: JsonObject): Usage | undefined {
  const { input_tokens, output_tokens, total_tokens, image_tokens, audio_tokens } = raw;
  return readUsage({
    prompt_tokens: input_tokens ?? total_tokens,
    completion_tokens: output_tokens ?? 0,
    total_tokens,
    prompt_tokens_details: {
      ...(image_tokens === undefined ? {} : { image_tokens }),
      ...(audio_tokens === undefined ? {} : { audio_tokens }),
      ...objectOf(raw.input_tokens_details),
      ...objectOf(raw.prompt_tokens_details),
    },
    completion_tokens_details: objectOf(raw.output_tokens_details) ?? {},
  });
}
