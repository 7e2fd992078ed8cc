import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Moves a synced file to its name for good: after a power failure it is there wholly or not at all. */
export async function moveDurably(from: string, to: string): Promise<void> {
  const folder = dirname(to);
  await mkdir(folder, { recursive: true });
  await rename(from, to);
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
