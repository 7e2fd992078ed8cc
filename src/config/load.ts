import { createHash } from "node:crypto";
import type { Catalog } from "../core/catalog.ts";
import { parseDuration } from "../core/durations.ts";
import { DEFAULT_BODY_BYTES } from "../core/limits.ts";
import { readBuiltIns } from "./built-in.ts";
import { parseByteSize } from "./byte-sizes.ts";
import { conceal } from "./concealed.ts";
import type { Config } from "./config.ts";
import { overloadOf, routingOf } from "./convert.ts";
import { type ConfigDocument, readDocument } from "./document.ts";
import { type EnvironmentSettings, readEnvironment } from "./environment.ts";
import { listOf } from "./fields.ts";
import type { Environment } from "./interpolate.ts";
import { type Finding, findingsOf } from "./issues.ts";
import { limitSpecsOf, tiersOf } from "./limit-specs.ts";
import { mediaOf, mediaOver, mediaProblems } from "./media-schema.ts";
import { modelSpecs } from "./models.ts";
import { ConfigError, type Problem } from "./problems.ts";
import { limitsGivenTwice, unknownVendors } from "./references.ts";
import { type FileInput, fileSchema, type ServerInput } from "./schema.ts";
import { type VendorSources, vendorFindings, vendorNames, vendorSpecs } from "./vendors.ts";

export interface LoadOptions {
  readonly env: Environment;
  /** The file; absent: `SLUICE_CONFIG`, else `./sluice.yaml` if there is one. */
  readonly path?: string;
  /** The file's text; undefined when it is not there. Throws when it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

const DEFAULT_FILE = "sluice.yaml";
const DEFAULT_DRAIN_MS = 30_000;

/** Reads everything that configures a process. Throws ConfigError with all that is wrong, not only the first. */
export function loadConfig(options: LoadOptions): Config {
  const settings = readEnvironment(options.env);
  const text = readText(options);
  const document = readDocument(text.content, text.source, options.env);
  const builtIns = readBuiltIns();
  const sources: VendorSources = {
    file: document.value,
    builtIns,
    environment: options.env,
    variablesRead: document.variables,
  };
  const { file, problems } = checkFile(document, sources);
  const media = mediaOver(file?.server?.media, settings.server.media);
  const all = [...settings.problems, ...problems, ...mediaProblems(media, text.source)];
  if (all.length > 0 || file === undefined) throw new ConfigError(all);

  const vendors = vendorSpecs(file, sources);
  const limits = limitSpecsOf(file.rateLimit);
  const catalog: Catalog = {
    vendors: new Map(vendors.map((vendor) => [vendor.id, vendor])),
    models: modelSpecs(file, builtIns, vendors),
    routing: routingOf(file.routing),
    tiers: tiersOf(file.rateLimit),
    ...(limits === undefined ? {} : { limits }),
  };
  const hash = createHash("sha256").update(text.content).digest("hex");
  const source = { hash, ...(text.path === undefined ? {} : { file: text.path }) };
  return configOf({ ...file.server, ...settings.server, media }, settings, catalog, source);
}

/** The file's name without reading it, so that it can be watched. */
export function configPath(options: Pick<LoadOptions, "env" | "path">): string {
  return options.path ?? (options.env.SLUICE_CONFIG || DEFAULT_FILE);
}

interface Text {
  readonly content: string;
  readonly source: string;
  readonly path?: string;
}

function readText(options: LoadOptions): Text {
  const path = configPath(options);
  const isOptional = options.path === undefined && !options.env.SLUICE_CONFIG;
  const problem = (message: string) => new ConfigError([{ source: path, path: "", message }]);
  let content: string | undefined;
  try {
    content = options.readFile(path);
  } catch (error) {
    throw problem(
      `cannot be read (${error instanceof Error && "code" in error ? error.code : "unknown reason"})`,
    );
  }
  if (content !== undefined) return { content, source: path, path };
  if (isOptional) return { content: "", source: path };
  throw problem("is not there");
}

/** Everything that is wrong with the file, in the order of its lines; the file itself when nothing is. */
function checkFile(
  document: ConfigDocument,
  sources: VendorSources,
): { readonly file?: FileInput; readonly problems: readonly Problem[] } {
  if (document.value === undefined) return { problems: document.problems };
  const findings: Finding[] = [
    ...findingsOf(fileSchema, document.value),
    ...unknownVendors(document.value, vendorNames(sources), sources.builtIns),
    ...limitsGivenTwice(document.value),
  ];
  const file = fileSchema.safeParse(document.value).data;
  if (file !== undefined) findings.push(...vendorFindings(file, sources));
  const unread = new Set(document.problems.map((problem) => problem.path));
  const problems = [
    ...document.problems,
    // A value whose variable is missing has been reported; what the empty value breaks says nothing more.
    ...findings
      .map(({ path, message }) => document.problemAt(path, message))
      .filter((problem) => !unread.has(problem.path)),
  ].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  return file === undefined ? { problems } : { file, problems };
}

function configOf(
  server: ServerInput,
  settings: EnvironmentSettings,
  catalog: Catalog,
  source: Config["source"],
): Config {
  const config: Config = {
    host: server.host ?? "0.0.0.0",
    port: server.port ?? 8080,
    dataDirectory: server.dataDirectory ?? "./data",
    ...(server.databaseUrl === undefined ? {} : { databaseUrl: server.databaseUrl }),
    natsUrls: listOf(server.natsUrl ?? ""),
    ...(server.redisUrl === undefined ? {} : { redisUrl: server.redisUrl }),
    region: server.region ?? "local",
    ...(server.nodeId === undefined ? {} : { nodeId: server.nodeId }),
    workers: server.workers ?? 1,
    ...(settings.worker === undefined ? {} : { worker: settings.worker }),
    ...(settings.adminKey === undefined ? {} : { adminKey: settings.adminKey }),
    ...(settings.masterSecret === undefined ? {} : { masterSecret: settings.masterSecret }),
    bodyLimitBytes: parseByteSize(server.bodyLimit ?? DEFAULT_BODY_BYTES) ?? DEFAULT_BODY_BYTES,
    drainTimeoutMs: parseDuration(server.drainTimeout ?? "") ?? DEFAULT_DRAIN_MS,
    overload: overloadOf(server.overload ?? {}),
    upstream: settings.isProxied ? "proxied" : (server.upstream ?? "own"),
    ...(server.publicUrl === undefined ? {} : { publicUrl: server.publicUrl.replace(/\/+$/, "") }),
    media: mediaOf(server.media ?? {}),
    ...(server.cors === undefined ? {} : { corsOrigins: server.cors.origins }),
    fetchAllow: server.fetch?.allow ?? [],
    catalog,
    source,
  };
  return conceal(config, ["adminKey", "masterSecret", "databaseUrl", "natsUrls", "redisUrl"]);
}
