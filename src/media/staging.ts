import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { SluiceError } from "../core/errors.ts";
import { randomText } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import type { MediaBody } from "./media.ts";
import { SNIFFED_BYTES } from "./sniff.ts";

/** Where bytes wait, on disk, until it is known what they are. */
export interface Staging {
  /** Written and synced. @throws SluiceError `payload_too_large`, and whatever the body fails with */
  write(body: MediaBody, mostBytes: number): Promise<Staged>;
}

export interface Staged {
  readonly path: string;
  readonly hash: string;
  readonly bytes: number;
  /** The first of them. */
  readonly head: Uint8Array;
  /** Removes the file, if it is still there. */
  discard(): Promise<void>;
}

/** Empties the folder first: what a process left there when it died belongs to nobody. */
export async function openStaging(directory: string, random: Random): Promise<Staging> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  return {
    async write(body, mostBytes) {
      const path = join(directory, randomText(random.bytes(20)));
      const discard = () => rm(path, { force: true });
      try {
        return {
          path,
          discard,
          ...(await written(path, body instanceof Uint8Array ? [body] : body, mostBytes)),
        };
      } catch (thrown) {
        await discard();
        throw thrown;
      }
    },
  };
}

async function written(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mostBytes: number,
): Promise<Pick<Staged, "hash" | "bytes" | "head">> {
  const hasher = new Bun.CryptoHasher("sha256");
  const head = Buffer.alloc(SNIFFED_BYTES);
  let bytes = 0;
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of chunks) {
      if (bytes < SNIFFED_BYTES) head.set(chunk.subarray(0, SNIFFED_BYTES - bytes), bytes);
      bytes += chunk.byteLength;
      if (bytes > mostBytes) throw tooLarge(mostBytes);
      hasher.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { hash: hasher.digest("hex"), bytes, head: head.subarray(0, Math.min(bytes, SNIFFED_BYTES)) };
}

const tooLarge = (mostBytes: number): SluiceError =>
  new SluiceError("payload_too_large", `A file may have at most ${mostBytes} bytes.`);
