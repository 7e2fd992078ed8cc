import { SluiceError } from "../../core/errors.ts";

/**
 * A wish that Anthropic would fulfil and this gateway does not.
 * @param why as it stands behind a colon
 */
export const unsupported = (param: string, why: string): SluiceError =>
  new SluiceError("unsupported_parameter", `'${param}' is not supported: ${why}.`, { param });
