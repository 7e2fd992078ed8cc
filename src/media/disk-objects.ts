import { rm } from "node:fs/promises";
import { join } from "node:path";
import { moveDurably } from "./durable-file.ts";
import type { Objects } from "./objects.ts";
import type { Staging } from "./staging.ts";

/** On the disk of this machine: `ab/cd/abcd…`, so that no folder grows too large. */
export function createDiskObjects(directory: string, staging: Staging): Objects {
  const pathOf = (key: string) => join(directory, key.slice(0, 2), key.slice(2, 4), key);
  const moved = (key: string, path: string) => moveDurably(path, pathOf(key));
  return {
    has: (key) => Bun.file(pathOf(key)).exists(),
    putFile: moved,
    async put(key, bytes) {
      const staged = await staging.write(bytes, bytes.byteLength);
      try {
        await moved(key, staged.path);
      } finally {
        await staged.discard();
      }
    },
    async read(key, start, end) {
      const file = Bun.file(pathOf(key));
      return (await file.exists()) ? file.slice(start, end).stream() : undefined;
    },
    remove: (key) => rm(pathOf(key), { force: true }),
  };
}
