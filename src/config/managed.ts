import type { Catalog, ModelSpec, VendorSpec } from "../core/catalog.ts";
import { readBuiltIns } from "./built-in.ts";
import { modelSpecOf, vendorSpecOf } from "./convert.ts";
import { type Finding, findingsOf } from "./issues.ts";
import { modelSchema, type VendorInput, vendorSchema } from "./schema.ts";
import { vendorFindings } from "./vendors.ts";

/** Vendors and models that are managed while the gateway runs, as they are kept: definitions as in the file. */
export interface ManagedDefinitions {
  readonly vendors: readonly { readonly id: string; readonly definition: unknown }[];
  readonly models: readonly { readonly name: string; readonly candidates: unknown }[];
}

/**
 * What `catalog` becomes with the managed vendors and models added. What it declares itself stays as it is;
 * what cannot be used is left out and named in `problems`.
 */
export function withManaged(
  catalog: Catalog,
  managed: ManagedDefinitions,
): { readonly catalog: Catalog; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const vendors = new Map<VendorSpec["id"], VendorSpec>();
  for (const { id, definition } of managed.vendors) {
    const parsed = vendorSchema.safeParse(definition).data;
    if (parsed === undefined) problems.push(`the managed vendor '${id}' cannot be used any more`);
    else vendors.set(vendorSpecOf(id, parsed).id, vendorSpecOf(id, parsed));
  }
  const models = new Map<string, ModelSpec>();
  for (const { name, candidates } of managed.models) {
    const parsed = modelSchema.safeParse(candidates).data;
    if (parsed === undefined) problems.push(`the managed model '${name}' cannot be used any more`);
    else models.set(name, modelSpecOf(name, parsed));
  }
  return {
    catalog: {
      ...catalog,
      vendors: new Map([...vendors, ...catalog.vendors]),
      models: new Map([...models, ...catalog.models]),
    },
    problems,
  };
}

/** What a vendor's definition that has passed its schema still lacks to be called. */
export function vendorDefinitionFindings(id: string, definition: unknown): readonly Finding[] {
  const findings = findingsOf(vendorSchema, definition);
  if (findings.length > 0) return findings;
  const vendors: Record<string, VendorInput> = { [id]: vendorSchema.parse(definition) };
  const sources = {
    file: { vendors },
    builtIns: readBuiltIns(),
    environment: {},
    variablesRead: new Set<string>(),
  };
  return vendorFindings({ vendors }, sources).map(({ path, message }) => ({ path: path.slice(2), message }));
}
