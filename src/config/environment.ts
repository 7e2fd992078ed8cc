import { z } from "zod";
import { databaseUrl, natsUrl, redisUrl, secret, shortName } from "./fields.ts";
import type { Environment } from "./interpolate.ts";
import { findingsOf } from "./issues.ts";
import { formatPath, type Problem } from "./problems.ts";
import type { ServerInput } from "./schema.ts";

/** What the environment says about this process. It wins over the file's `server`. */
export interface EnvironmentSettings {
  readonly server: ServerInput;
  readonly adminKey?: string;
  readonly masterSecret?: Uint8Array;
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
  SLUICE_ADMIN_KEY: secret.optional(),
  SLUICE_MASTER_SECRET: z
    .string()
    .refine(
      (text) => decodeMasterSecret(text) !== undefined,
      "must be 32 bytes, as 64 hex digits or as base64",
    )
    .optional(),
});

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
  };
  return Object.fromEntries(Object.entries(server).filter(([, value]) => value !== undefined));
}

/** 32 bytes out of 64 hex digits or base64 (also its URL form); undefined for anything else. */
function decodeMasterSecret(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.from(Buffer.from(text, "hex"));
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return bytes.length === 32 ? bytes : undefined;
}
