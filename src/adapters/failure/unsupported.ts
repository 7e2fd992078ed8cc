import { SluiceError } from "../../core/errors.ts";

/**
 * What a client asks for and this vendor cannot express; another one may.
 * @param param where it stands in the client's body
 */
export const unsupported = (param: string, message: string): SluiceError =>
  new SluiceError("unsupported_parameter", message, { param });
