import { z } from "zod";
import { parseDuration } from "../core/durations.ts";
import { DEFAULT_MEDIA, type MediaSettings, type S3Settings } from "../core/media-settings.ts";
import { parseByteSize } from "./byte-sizes.ts";
import { conceal } from "./concealed.ts";
import { byteSize, httpUrl, secret } from "./fields.ts";
import type { Problem } from "./problems.ts";

/** `server.media`: where results and uploads are kept. */

const MINUTE_MS = 60_000;
const MOST_KEPT_MS = 3_650 * 86_400_000;
const KEPT_MESSAGE = "must be a length of time from 1m to 3650d, such as 30d";
export const keptTime = z
  .string({ error: KEPT_MESSAGE })
  .refine((text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= MINUTE_MS && ms <= MOST_KEPT_MS;
  }, KEPT_MESSAGE)
  .describe("A length of time: 12h, 30d.");

const ROOM_MESSAGE = "must be a size such as 10GiB, or a number of bytes";
const roomSize = z
  .union([z.number(), z.string()], { error: ROOM_MESSAGE })
  .refine((value) => (parseByteSize(value) ?? 0) > 0, ROOM_MESSAGE);

export const bucketName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/, "must be a bucket's name");
export const keyPrefix = z
  .string()
  .regex(/^[A-Za-z0-9!_.*'()/-]{0,200}$/, "must be letters, digits, and any of !_.*'()/-");

const s3Schema = z
  .strictObject({
    endpoint: httpUrl.optional().describe("Absent: Amazon's own, by the region."),
    bucket: bucketName.optional(),
    region: secret.optional(),
    accessKeyId: secret.optional(),
    secretAccessKey: secret.optional(),
    prefix: keyPrefix.optional().describe("Before every key."),
  })
  .describe("A store that speaks S3's protocol; absent: on disk, below the data directory.");

export const mediaSchema = z
  .strictObject({
    s3: s3Schema.optional(),
    keepFor: keptTime.optional().describe("How long pictures and sound are kept; absent: 30d."),
    linkFor: keptTime
      .optional()
      .describe("How long a signed link opens what it names; absent: as long as that is kept."),
    maxBytes: byteSize
      .optional()
      .describe("Largest single picture, piece of sound or batch's file; absent: 50MiB."),
    tenantBytes: roomSize.optional().describe("All uploads of one tenant together; absent: 10GiB."),
  })
  .describe("Where results and uploads are kept.");
export type MediaConfigInput = z.input<typeof mediaSchema>;

/** The environment's over the file's, field by field. */
export function mediaOver(
  file: MediaConfigInput | undefined,
  environment: MediaConfigInput | undefined,
): MediaConfigInput {
  const s3 = { ...file?.s3, ...environment?.s3 };
  return { ...file, ...environment, ...(Object.keys(s3).length === 0 ? {} : { s3 }) };
}

/** What a store needs and neither the file nor the environment says. */
export function mediaProblems({ s3 }: MediaConfigInput, source: string): readonly Problem[] {
  if (s3 === undefined) return [];
  return (["bucket", "accessKeyId", "secretAccessKey"] as const)
    .filter((name) => s3[name] === undefined)
    .map((name) => ({ source, path: `server.media.s3.${name}`, message: "is required" }));
}

/** `server.media` of the file with all that it leaves out. */
export function mediaOf({ s3, keepFor, linkFor, maxBytes, tenantBytes }: MediaConfigInput): MediaSettings {
  const linkForMs = parseDuration(linkFor ?? "");
  const usual = DEFAULT_MEDIA;
  return {
    ...(s3 === undefined ? {} : { s3: s3Of(s3) }),
    keepForMs: parseDuration(keepFor ?? "") ?? usual.keepForMs,
    ...(linkForMs === undefined ? {} : { linkForMs }),
    maxBytes: parseByteSize(maxBytes ?? "") ?? usual.maxBytes,
    tenantBytes: parseByteSize(tenantBytes ?? "") ?? usual.tenantBytes,
  };
}

function s3Of(input: NonNullable<MediaConfigInput["s3"]>): S3Settings {
  const settings: S3Settings = {
    ...(input.endpoint === undefined ? {} : { endpoint: input.endpoint.replace(/\/+$/, "") }),
    bucket: input.bucket ?? "",
    ...(input.region === undefined ? {} : { region: input.region }),
    accessKeyId: input.accessKeyId ?? "",
    secretAccessKey: input.secretAccessKey ?? "",
    prefix: (input.prefix ?? "").replace(/^\/+|\/+$/g, ""),
  };
  return conceal(settings, ["accessKeyId", "secretAccessKey"]);
}
