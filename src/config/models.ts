import type { ModelSpec, VendorSpec } from "../core/catalog.ts";
import { modelSpecOf } from "./convert.ts";
import type { BuiltIns, CandidateInput, FileInput, UnpricedInput } from "./schema.ts";
import { vendorsNamedByModels } from "./vendors.ts";

/**
 * Every model there is. The file's definition of a name is the whole of it. A vendor that no model of the
 * file names serves the built-in models of its adapter; one that is always there serves its own in any case.
 */
export function modelSpecs(
  file: FileInput,
  builtIns: BuiltIns,
  vendors: readonly VendorSpec[],
): ReadonlyMap<string, ModelSpec> {
  const models = new Map<string, readonly (CandidateInput | UnpricedInput)[]>(
    Object.entries(file.models ?? {}),
  );
  const named = vendorsNamedByModels(file);
  const known = Object.entries({ ...builtIns.models, ...builtIns.unpriced });
  for (const vendor of vendors) {
    const isAlwaysThere = isBuiltInWithoutKey(builtIns, vendor.id);
    if (named.has(vendor.id) && !isAlwaysThere) continue;
    for (const [name, candidates] of known) {
      if (file.models !== undefined && Object.hasOwn(file.models, name)) continue;
      const own = candidates.filter((candidate) => servesFor(builtIns, candidate.vendor, vendor));
      if (own.length === 0) continue;
      const served = own.map((candidate) => ({ ...candidate, vendor: vendor.id }));
      models.set(name, [...(models.get(name) ?? []), ...served]);
    }
  }
  return new Map([...models].map(([name, input]) => [name, modelSpecOf(name, input)]));
}

/** A built-in candidate fits its own vendor, and any other vendor of that adapter that needs a key. */
function servesFor(builtIns: BuiltIns, candidateVendor: string, vendor: VendorSpec): boolean {
  if (candidateVendor === vendor.id) return true;
  return (
    !isBuiltInWithoutKey(builtIns, candidateVendor) &&
    builtIns.vendors[vendor.id] === undefined &&
    builtIns.vendors[candidateVendor]?.adapter === vendor.adapter
  );
}

function isBuiltInWithoutKey(builtIns: BuiltIns, name: string): boolean {
  const vendor = builtIns.vendors[name];
  return vendor !== undefined && vendor.keyVariable === undefined;
}
