import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { MediaOperation } from "../../core/media.ts";
import type { ModelView } from "../../gateway/gateway.ts";

const USUAL = "midjourney";
const NIJI = "niji";
/** Made for trying things out: only where there is nothing else. */
const SANDBOX = "sandbox-image";

/**
 * Which public model a submission is for, as the protocol does not name one: `model` of the body; `niji` for
 * `botType: NIJI_JOURNEY`, if there is such a model; `midjourney`, if there is; else the first that does what is asked.
 * @param models those that the caller may use, in the configuration's order
 */
export function modelFor(body: JsonObject, operation: MediaOperation, models: readonly ModelView[]): string {
  const { model, botType } = body;
  if (typeof model === "string" && model !== "") return model;
  const has = (name: string): boolean => models.some(({ id }) => id === name);
  if (botType === "NIJI_JOURNEY" && has(NIJI)) return NIJI;
  if (has(USUAL)) return USUAL;
  const able = models.filter(({ operations }) => operations.includes(operation)).map(({ id }) => id);
  const [first = able[0]] = able.filter((id) => id !== SANDBOX);
  if (first !== undefined) return first;
  throw new SluiceError("model_not_found", "There is no model for this: name one in 'model'.", {
    param: "model",
  });
}
