import { z } from "zod";
import { UPSTREAM_CHOICES } from "../core/upstream-choice.ts";
import { allowedPlace } from "./allowed-place.ts";
import { allowedOrigin } from "./cors-schema.ts";
import {
  byteSizeText,
  databaseUrl,
  httpUrl,
  listOf,
  natsUrl,
  redisUrl,
  secret,
  shortName,
  workerCount,
} from "./fields.ts";
import type { Environment } from "./interpolate.ts";
import { findingsOf } from "./issues.ts";
import { bucketName, keptTime, keyPrefix, type MediaConfigInput } from "./media-schema.ts";
import { formatPath, type Problem } from "./problems.ts";
import type { ServerInput } from "./schema.ts";
import { readWorkerPlace, type WorkerPlace, workerText } from "./worker-place.ts";

/** What the environment says about this process. It wins over the file's `server`. */
export interface EnvironmentSettings {
  readonly server: ServerInput;
  readonly adminKey?: string;
  readonly masterSecret?: Uint8Array;
  /** What the process that started this one says of its place. */
  readonly worker?: WorkerPlace;
  /** It names a proxy for calls by HTTP. */
  readonly isProxied: boolean;
  readonly problems: readonly Problem[];
}

const PORT_MESSAGE = "must be a port number from 0 to 65535";
const variables = z.object({
  PORT: z
    .string()
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535, PORT_MESSAGE)
    .optional(),
  HOST: z.string().optional(),
  SLUICE_DATA_DIR: z.string().optional(),
  DATABASE_URL: databaseUrl.optional(),
  NATS_URL: natsUrl.optional(),
  REDIS_URL: redisUrl.optional(),
  SLUICE_REGION: shortName.optional(),
  SLUICE_NODE_ID: shortName.optional(),
  SLUICE_WORKERS: z
    .string()
    .refine(
      (text) => workerCount.safeParse(workersOf(text)).success,
      "must be a number of processes, or auto",
    )
    .optional(),
  SLUICE_WORKER: workerText.optional(),
  SLUICE_UPSTREAM: z.enum(UPSTREAM_CHOICES, { error: "must be own or fetch" }).optional(),
  SLUICE_PUBLIC_URL: httpUrl.optional(),
  SLUICE_FETCH_ALLOW: z
    .string()
    .refine((text) => listOf(text).every((entry) => allowedPlace.safeParse(entry).success), {
      error: "must be a comma list of hosts and addresses such as minio:9000,10.0.0.0/8",
    })
    .optional(),
  SLUICE_CORS_ORIGINS: z
    .string()
    .refine((text) => listOf(text).every((origin) => allowedOrigin.safeParse(origin).success), {
      error: "must be a comma list of origins such as https://app.example.com,https://*.example.com",
    })
    .optional(),
  SLUICE_MEDIA_KEEP_FOR: keptTime.optional(),
  SLUICE_MEDIA_LINK_FOR: keptTime.optional(),
  SLUICE_MEDIA_MAX_BYTES: byteSizeText.optional(),
  SLUICE_MEDIA_S3_ENDPOINT: httpUrl.optional(),
  SLUICE_MEDIA_S3_BUCKET: bucketName.optional(),
  SLUICE_MEDIA_S3_REGION: secret.optional(),
  SLUICE_MEDIA_S3_ACCESS_KEY_ID: secret.optional(),
  SLUICE_MEDIA_S3_SECRET_ACCESS_KEY: secret.optional(),
  SLUICE_MEDIA_S3_PREFIX: keyPrefix.optional(),
  SLUICE_ADMIN_KEY: secret.optional(),
  SLUICE_MASTER_SECRET: z
    .string()
    .refine(
      (text) => decodeMasterSecret(text) !== undefined,
      "must be 32 bytes, as 64 hex digits or as base64",
    )
    .optional(),
});

/** Variables are texts; what is no number is for the schema to refuse. */
const workersOf = (text: string): number | "auto" =>
  text === "auto" ? text : /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;

/** What `fetch` reads, in capitals and without. */
const PROXY_VARIABLES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/** Every variable that configures Sluice, checked. An empty variable counts as not set. */
export function readEnvironment(environment: Environment): EnvironmentSettings {
  const given: Environment = Object.fromEntries(
    Object.keys(variables.shape)
      .map((name) => [name, environment[name]] as const)
      .filter(([, value]) => value !== undefined && value !== ""),
  );
  const problems = findingsOf(variables, given).map(
    ({ path, message }): Problem => ({ source: "environment", path: formatPath(path), message }),
  );
  const masterSecret = decodeMasterSecret(given.SLUICE_MASTER_SECRET ?? "");
  return {
    server: serverOf(given),
    ...(given.SLUICE_ADMIN_KEY === undefined ? {} : { adminKey: given.SLUICE_ADMIN_KEY }),
    ...(masterSecret === undefined ? {} : { masterSecret }),
    ...(given.SLUICE_WORKER === undefined ? {} : readWorkerPlace(given.SLUICE_WORKER)),
    isProxied: PROXY_VARIABLES.some((name) => environment[name] || environment[name.toLowerCase()]),
    problems,
  };
}

/** Only what is set, so that it can be laid over the file's own. */
function serverOf(given: Environment): ServerInput {
  const server: ServerInput = {
    port: given.PORT === undefined ? undefined : Number(given.PORT),
    host: given.HOST,
    dataDirectory: given.SLUICE_DATA_DIR,
    databaseUrl: given.DATABASE_URL,
    natsUrl: given.NATS_URL,
    redisUrl: given.REDIS_URL,
    region: given.SLUICE_REGION,
    nodeId: given.SLUICE_NODE_ID,
    workers: given.SLUICE_WORKERS === undefined ? undefined : workersOf(given.SLUICE_WORKERS),
    upstream: UPSTREAM_CHOICES.find((choice) => choice === given.SLUICE_UPSTREAM),
    publicUrl: given.SLUICE_PUBLIC_URL,
    media: mediaOf(given),
    cors:
      given.SLUICE_CORS_ORIGINS === undefined
        ? undefined
        : { origins: [...listOf(given.SLUICE_CORS_ORIGINS)] },
    fetch:
      given.SLUICE_FETCH_ALLOW === undefined ? undefined : { allow: [...listOf(given.SLUICE_FETCH_ALLOW)] },
  };
  return whatIsSet(server) ?? {};
}

function mediaOf(given: Environment): MediaConfigInput | undefined {
  return whatIsSet<MediaConfigInput>({
    keepFor: given.SLUICE_MEDIA_KEEP_FOR,
    linkFor: given.SLUICE_MEDIA_LINK_FOR,
    // Variables are texts: a plain number of bytes is one here.
    maxBytes: /^\d+$/.test(given.SLUICE_MEDIA_MAX_BYTES ?? "")
      ? Number(given.SLUICE_MEDIA_MAX_BYTES)
      : given.SLUICE_MEDIA_MAX_BYTES,
    s3: whatIsSet<NonNullable<MediaConfigInput["s3"]>>({
      endpoint: given.SLUICE_MEDIA_S3_ENDPOINT,
      bucket: given.SLUICE_MEDIA_S3_BUCKET,
      region: given.SLUICE_MEDIA_S3_REGION,
      accessKeyId: given.SLUICE_MEDIA_S3_ACCESS_KEY_ID,
      secretAccessKey: given.SLUICE_MEDIA_S3_SECRET_ACCESS_KEY,
      prefix: given.SLUICE_MEDIA_S3_PREFIX,
    }),
  });
}

/** Undefined when nothing is. */
function whatIsSet<Settings extends object>(settings: Settings): Settings | undefined {
  const set = Object.entries(settings).filter(([, value]) => value !== undefined);
  return set.length === 0 ? undefined : (Object.fromEntries(set) as Settings); // fewer of its own fields
}

/** 32 bytes out of 64 hex digits or base64 (also its URL form); undefined for anything else. */
function decodeMasterSecret(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.from(Buffer.from(text, "hex"));
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return bytes.length === 32 ? bytes : undefined;
}
