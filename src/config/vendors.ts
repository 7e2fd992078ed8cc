import type { AdapterName, VendorSpec } from "../core/catalog.ts";
import { ownOf } from "../core/own-of.ts";
import { vendorSpecOf } from "./convert.ts";
import { httpUrl } from "./fields.ts";
import type { Environment } from "./interpolate.ts";
import type { Finding } from "./issues.ts";
import { entriesOf, fieldOf } from "./references.ts";
import type { BuiltIns, FileInput, VendorInput } from "./schema.ts";

/** Adapters that work without a key, and those that cannot know where their vendor is. */
const WITHOUT_KEY: ReadonlySet<AdapterName> = new Set(["sandbox", "openai-compatible"]);
const WITHOUT_BASE_URL: ReadonlySet<AdapterName> = new Set(["openai-compatible", "midjourney"]);

/** What vendors are made of. `file` may be raw: only its names are read where it has not been checked. */
export interface VendorSources {
  readonly file: unknown;
  readonly builtIns: BuiltIns;
  readonly environment: Environment;
  /** Variables that the file reads itself with `${NAME}`. */
  readonly variablesRead: ReadonlySet<string>;
}

/**
 * The names of all vendors there are: the file's own, those that are always there, and those whose key is
 * in the environment. A key that the file reads itself belongs to the file: it makes no vendor of its own
 * unless a model asks for that vendor by name.
 */
export function vendorNames(sources: VendorSources): readonly string[] {
  const { file, builtIns, environment, variablesRead } = sources;
  const names = new Set(entriesOf(fieldOf(file, "vendors")).map(([name]) => name));
  const asked = vendorsNamedByModels(file);
  for (const [name, { keyVariable, baseUrlVariable }] of Object.entries(builtIns.vendors)) {
    const isSomewhere = baseUrlVariable === undefined || isSet(environment, baseUrlVariable);
    if (keyVariable === undefined) names.add(name);
    else if (
      isSomewhere &&
      isSet(environment, keyVariable) &&
      (asked.has(name) || !variablesRead.has(keyVariable))
    ) {
      names.add(name);
    }
  }
  return [...names];
}

/** The vendors of a checked file, with built-in regions and the environment's keys filled in. */
export function vendorSpecs(file: FileInput, sources: VendorSources): readonly VendorSpec[] {
  return vendorNames(sources).map((name) => {
    const input = withDefaults(name, file.vendors?.[name], sources);
    return vendorSpecOf(name, { ...input, limits: { ...input.limits, ...file.rateLimit?.vendors?.[name] } });
  });
}

/** What a vendor of the file lacks to be called, and names that mean something else already. */
export function vendorFindings(file: FileInput, sources: VendorSources): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { baseUrlVariable } of Object.values(sources.builtIns.vendors)) {
    const place = baseUrlVariable === undefined ? undefined : sources.environment[baseUrlVariable];
    if (place === undefined || place === "" || httpUrl.safeParse(place).success) continue;
    findings.push({
      path: ["vendors"],
      message: `${baseUrlVariable} must be a URL that begins with http:// or https://`,
    });
  }
  for (const [name, vendor] of Object.entries(file.vendors ?? {})) {
    const { keys, baseUrl } = withDefaults(name, vendor, sources);
    const builtIn = builtInVendor(name, sources.builtIns);
    if (builtIn !== undefined && builtIn.keyVariable === undefined && builtIn.adapter !== vendor.adapter) {
      findings.push({
        path: ["vendors", name, "adapter"],
        message: `must be ${builtIn.adapter}: the name is built in`,
      });
    }
    if (baseUrl === undefined && WITHOUT_BASE_URL.has(vendor.adapter)) {
      findings.push({ path: ["vendors", name, "baseUrl"], message: `is required for ${vendor.adapter}` });
    }
    if ((keys ?? []).length === 0 && !WITHOUT_KEY.has(vendor.adapter)) {
      const variable = builtInOf(vendor.adapter, sources.builtIns)?.keyVariable;
      findings.push({
        path: ["vendors", name, "keys"],
        message: `is required: list at least one key${variable === undefined ? "" : `, or set ${variable}`}`,
      });
    }
  }
  return findings;
}

/** Names of vendors that some model of the file is served by. */
export function vendorsNamedByModels(file: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, candidates] of entriesOf(fieldOf(file, "models"))) {
    if (!Array.isArray(candidates)) continue;
    for (const candidate of candidates) names.add(String(fieldOf(candidate, "vendor")));
  }
  return names;
}

function withDefaults(name: string, given: VendorInput | undefined, sources: VendorSources): VendorInput {
  const { builtIns, environment } = sources;
  const builtIn = builtInVendor(name, builtIns) ?? (given && builtInOf(given.adapter, builtIns));
  const adapter = given?.adapter ?? builtIn?.adapter ?? "sandbox";
  const { keyVariable, baseUrlVariable } = builtInOf(adapter, builtIns) ?? {};
  const key = keyVariable === undefined ? undefined : environment[keyVariable];
  const place = baseUrlVariable === undefined ? undefined : environment[baseUrlVariable];
  return {
    adapter,
    region: builtIn?.region,
    ...(place === undefined || place === "" ? {} : { baseUrl: place }),
    ...given,
    keys: given?.keys ?? (key === undefined || key === "" ? [] : [{ id: "environment", key }]),
  };
}

const builtInVendor = (name: string, { vendors }: BuiltIns): BuiltIns["vendors"][string] | undefined =>
  ownOf(vendors, name);

const builtInOf = (adapter: AdapterName, builtIns: BuiltIns): BuiltIns["vendors"][string] | undefined =>
  Object.values(builtIns.vendors).find((vendor) => vendor.adapter === adapter);

const isSet = (environment: Environment, name: string): boolean => (environment[name] ?? "") !== "";
