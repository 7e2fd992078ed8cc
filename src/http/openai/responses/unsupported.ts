import { SluiceError } from "../../../core/errors.ts";

/**
 * A wish that OpenAI would fulfil and this gateway does not.
 * @param why as it stands behind a colon
 */
export function unsupported(param: string, why: string): SluiceError {
  return new SluiceError("unsupported_parameter", `'${param}' is not supported: ${why}.`, { param });
}
