import { z } from "zod";
import { ADAPTER_NAMES, OPERATIONS, STRATEGIES } from "../core/catalog.ts";
import { HEDGE_PERCENTILES } from "../core/hedge-settings.ts";
import { DEFAULT_OVERLOAD } from "../core/overload-settings.ts";
import { parseTakeover, TAKEOVER_FORMS } from "../core/takeover-policy.ts";
import { UPSTREAM_CHOICES } from "../core/upstream-choice.ts";
import { allowedPlace } from "./allowed-place.ts";
import { corsSchema } from "./cors-schema.ts";
import {
  byteSize,
  count,
  databaseUrl,
  duration,
  httpUrl,
  memorySize,
  modelName,
  natsUrl,
  points,
  positive,
  redisUrl,
  secret,
  share,
  shortName,
  waitingTime,
  workerCount,
} from "./fields.ts";
import { limitsSchema } from "./limits-schema.ts";
import { mediaSchema } from "./media-schema.ts";
import { priceProblem, priceSchema } from "./prices.ts";
import { rateLimitSchema } from "./rate-limit-schema.ts";
import { addressProblem } from "./vendor-address.ts";

/**
 * The configuration file's shape. Every object is strict: a field that is not known is a mistake. Parsing
 * changes nothing; `convert.ts` makes core types of what has passed.
 */

const keySchema = z.union(
  [
    secret,
    z.strictObject({
      id: shortName.optional().describe("Name of the key in logs and metrics; absent: its position."),
      key: secret,
      weight: positive.optional().describe("Share of the calls against the other keys; absent: 1."),
      models: z
        .record(modelName, modelName)
        .optional()
        .describe("This key's own name for a vendor model, such as an endpoint id."),
    }),
  ],
  { error: "must be a key, or { id, key, weight, models }" },
);

const timeoutsSchema = z.strictObject({
  connect: waitingTime.optional(),
  firstToken: waitingTime.optional(),
  idle: waitingTime.optional().describe("Longest silence inside a stream."),
  total: waitingTime.optional(),
});

export const vendorSchema = z
  .strictObject({
    adapter: z.enum(ADAPTER_NAMES),
    baseUrl: httpUrl.optional().describe("Overrides the adapter's own."),
    keys: z.array(keySchema).optional(),
    hookSecret: secret.optional().describe("With which the vendor signs its messages about jobs."),
    region: shortName.optional(),
    limits: limitsSchema.optional(),
    timeouts: timeoutsSchema.optional(),
  })
  .superRefine((vendor, context) => {
    for (const [index, message] of keyProblems(vendor.keys ?? [])) {
      context.addIssue({ code: "custom", path: ["keys", index], message });
    }
    const message = addressProblem(vendor.adapter, vendor.baseUrl);
    if (message !== undefined) context.addIssue({ code: "custom", path: ["baseUrl"], message });
  });
export type VendorInput = z.input<typeof vendorSchema>;
export type KeyInput = z.input<typeof keySchema>;

const unpricedFields = {
  vendor: shortName,
  model: modelName.describe("The vendor's own name for the model."),
  quality: share.optional().describe("0 to 1, your judgement; absent: 0.5."),
  maxOutput: count.optional().describe("The most tokens that the model can answer with."),
  operations: z.array(z.enum(OPERATIONS)).min(1).optional(),
};

export const candidateSchema = z
  .strictObject({ ...unpricedFields, price: priceSchema })
  .superRefine((candidate, context) => {
    const problem = priceProblem(candidate.price, candidate.operations);
    if (problem === undefined) return;
    const path = ["price", ...problem.path];
    context.addIssue({ code: "custom", path, message: problem.message });
  });
export type CandidateInput = z.input<typeof candidateSchema>;
export type UnpricedInput = Omit<CandidateInput, "price"> & { readonly price?: undefined };

/** Where one public model can be served, in the order of preference for `strategy: priority`. */
export const modelSchema = z
  .array(candidateSchema)
  .min(1)
  .superRefine((candidates, context) => {
    const seen = new Set<string>();
    for (const [index, { vendor, model }] of candidates.entries()) {
      const name = `${vendor}\n${model}`;
      if (seen.has(name)) {
        context.addIssue({
          code: "custom",
          path: [index],
          message: "is the same vendor and model as an entry before it",
        });
      }
      seen.add(name);
    }
  });

const hedgeSchema = z
  .strictObject({
    enabled: z.boolean().describe("For every stream that does not say otherwise by `x-sluice-hedge`."),
    percentile: z
      .enum(HEDGE_PERCENTILES)
      .optional()
      .describe("The first vendor is slow once this share of its own calls would have begun; absent: p95."),
    maxExtraCost: points
      .optional()
      .describe("The most points that the second call may cost in vain; absent: whatever its prompt costs."),
  })
  .describe("A second vendor is asked when the first is slow to begin, for at most 5 % of all streams.");

const routingSchema = z.strictObject({
  strategy: z.enum(STRATEGIES).optional(),
  weights: z
    .strictObject({ cost: z.number().min(0), performance: z.number().min(0), quality: z.number().min(0) })
    .refine(({ cost, performance, quality }) => cost + performance + quality > 0, "must not all be 0")
    .optional()
    .describe("For `balanced`; only their proportions count."),
  takeover: z
    .string()
    .refine((text) => parseTakeover(text) !== undefined, `must be ${TAKEOVER_FORMS}`)
    .optional()
    .describe(
      "Whether another vendor goes on with an answer whose vendor died in the middle of it: `never`, `always` (default), `before:200` (tokens delivered). Keys and requests may say otherwise.",
    ),
  hedge: hedgeSchema.optional(),
});

const overloadSchema = z
  .strictObject({
    lag: waitingTime.optional().describe("Timers this late mean too much work; absent: 200ms."),
    maxInFlight: count.optional().describe("Requests that may run at once; absent: 30000."),
    minInFlight: count.optional().describe("As many are let in however busy the node is; absent: 200."),
    memory: memorySize
      .optional()
      .describe("What the process may have; absent: its container's limit, else the machine's."),
  })
  .superRefine((overload, context) => {
    const maxInFlight = overload.maxInFlight ?? DEFAULT_OVERLOAD.maxInFlight;
    const minInFlight = overload.minInFlight ?? DEFAULT_OVERLOAD.minInFlight;
    if (minInFlight <= maxInFlight) return;
    const path = [overload.minInFlight === undefined ? "maxInFlight" : "minInFlight"];
    const message = `leaves no room between ${minInFlight} and ${maxInFlight} requests: minInFlight must not be more than maxInFlight`;
    context.addIssue({ code: "custom", path, message });
  })
  .describe("When this node refuses requests with 503, the lowest tier first.");
export type OverloadInput = z.input<typeof overloadSchema>;

/** Each has an environment variable that wins over it. */
const serverSchema = z.strictObject({
  host: z.string().min(1).optional(),
  port: z.int().min(0).max(65_535).optional(),
  dataDirectory: z.string().min(1).optional(),
  databaseUrl: databaseUrl.optional(),
  natsUrl: natsUrl.optional(),
  redisUrl: redisUrl.optional(),
  region: shortName.optional(),
  nodeId: shortName.optional(),
  workers: workerCount
    .optional()
    .describe("Processes on this machine that share the port; `auto`: one a core; absent: 1."),
  bodyLimit: byteSize.optional().describe("Largest request body; absent: 32MiB."),
  drainTimeout: duration
    .optional()
    .describe("How long running streams may take to end at a stop; absent: 30s."),
  overload: overloadSchema.optional(),
  upstream: z
    .enum(UPSTREAM_CHOICES)
    .optional()
    .describe(
      "How vendors are called: `own` connections (default) or the runtime's `fetch`, which also is what uses a proxy that the environment names.",
    ),
  publicUrl: httpUrl
    .optional()
    .describe("Where clients reach this gateway, for links; absent: the host that a request names."),
  media: mediaSchema.optional(),
  cors: corsSchema.optional(),
  fetch: z
    .strictObject({
      allow: z
        .array(allowedPlace)
        .describe("Hosts and addresses inside that URLs of clients and vendors may lead to."),
    })
    .optional(),
});

export const fileSchema = z
  .strictObject({
    server: serverSchema.optional(),
    vendors: z.record(shortName, vendorSchema).optional(),
    models: z.record(modelName, modelSchema).optional(),
    routing: routingSchema.optional(),
    rateLimit: rateLimitSchema.optional(),
  })
  .describe("Sluice's configuration file.");
export type FileInput = z.input<typeof fileSchema>;
export type ServerInput = z.input<typeof serverSchema>;
export type RoutingInput = z.input<typeof routingSchema>;

/** What `built-in` data looks like: vendors by the variable that holds their key, models as in the file. */
export const builtInsSchema = z.strictObject({
  vendors: z.record(
    shortName,
    z.strictObject({
      adapter: z.enum(ADAPTER_NAMES),
      region: shortName,
      /** The environment variable that brings the vendor to life; absent: it is always there. */
      keyVariable: z.string().optional(),
      /** And the one that says where it is, for vendors of whom nobody knows that beforehand. */
      baseUrlVariable: z.string().optional(),
    }),
  ),
  models: z.record(modelName, modelSchema),
  /** Models whose price is not known: they are there, and cannot be served until somebody prices them. */
  unpriced: z.record(modelName, z.array(z.strictObject(unpricedFields)).min(1)).optional(),
});
export type BuiltIns = z.input<typeof builtInsSchema>;

/** The same id or the same key twice, as index and message. */
function keyProblems(keys: readonly KeyInput[]): [number, string][] {
  const problems: [number, string][] = [];
  const ids = new Set<string>();
  const secrets = new Set<string>();
  for (const [index, key] of keys.entries()) {
    const id = keyIdOf(key, index);
    const text = typeof key === "string" ? key : key.key;
    if (ids.has(id)) problems.push([index, "has the id of a key before it"]);
    if (secrets.has(text)) problems.push([index, "is the same key as one before it"]);
    ids.add(id);
    secrets.add(text);
  }
  return problems;
}

/** A key without a name of its own is called by its position, counted from 1. */
export const keyIdOf = (key: KeyInput, index: number): string =>
  (typeof key === "string" ? undefined : key.id) ?? `key-${index + 1}`;
