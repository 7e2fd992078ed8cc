import { SluiceError } from "../core/errors.ts";

/** The same error with its field as the client's dialect calls it; what names no field is left as it is. */
export function rewordedError(thrown: unknown, wordOf: (field: string) => string): unknown {
  if (!(thrown instanceof SluiceError) || thrown.detail.param === undefined) return thrown;
  const { code, message, detail } = thrown;
  return new SluiceError(code, message, { ...detail, param: wordOf(thrown.detail.param) });
}
