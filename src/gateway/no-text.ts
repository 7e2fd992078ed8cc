import type { Adapter } from "../adapters/adapter.ts";
import type { AdapterName } from "../core/catalog.ts";

/** Stands where a vendor has nothing but pictures: it serves no operation, so that no request for text comes to it. */
export function noText(name: AdapterName): Adapter {
  const never = (): never => {
    throw new Error(`${name} was asked for text`);
  };
  return {
    name,
    operations: new Set(),
    buildCall: never,
    readAnswer: never,
    openStream: never,
    classifyError: never,
  };
}
