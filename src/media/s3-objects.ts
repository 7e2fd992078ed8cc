import { S3Client } from "bun";
import type { S3Settings } from "../core/media-settings.ts";
import type { Objects } from "./objects.ts";

/** In a store that speaks S3's protocol. Large files go up in parts, and are there once all of them are. */
export function createS3Objects(settings: S3Settings): Objects {
  const client = new S3Client({
    bucket: settings.bucket,
    accessKeyId: settings.accessKeyId,
    secretAccessKey: settings.secretAccessKey,
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(settings.region === undefined ? {} : { region: settings.region }),
  });
  const nameOf = (key: string) => (settings.prefix === "" ? key : `${settings.prefix}/${key}`);
  return {
    has: (key) => client.exists(nameOf(key)),
    async putFile(key, path, type) {
      await client.write(nameOf(key), Bun.file(path), { type });
    },
    async put(key, bytes, type) {
      await client.write(nameOf(key), bytes, { type });
    },
    async read(key, start, end) {
      // Asked first: a stream of something that is not there fails only after its headers are on their way.
      const file = client.file(nameOf(key));
      return (await file.exists()) ? file.slice(start, end).stream() : undefined;
    },
    remove: (key) => client.delete(nameOf(key)),
  };
}
