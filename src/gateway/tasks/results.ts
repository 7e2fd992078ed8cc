import { type Clock, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { TenantId } from "../../core/ids.ts";
import type { MadePicture } from "../../core/media.ts";
import type { TaskPicture } from "../../core/task.ts";
import type { MediaStore, StoredMedia } from "../../media/media.ts";

/** How often a picture is tried to be copied: a vendor's own storage is late at times, ours is away at times. */
const TRIES = 4;
const FIRST_PAUSE_MS = 500;

/** The copies of what a vendor made, in its order. A picture that cannot be had after all tries fails all of them. */
export async function keepPictures(
  { store, clock }: { readonly store: MediaStore; readonly clock: Clock },
  tenant: TenantId,
  made: readonly MadePicture[],
  trusted: string,
  signal: AbortSignal,
): Promise<readonly TaskPicture[]> {
  const kept: TaskPicture[] = [];
  // One after the other: a batch of ten large ones must not be in memory at once.
  for (const picture of made) {
    if (picture.kind === "refused") {
      kept.push(picture);
      continue;
    }
    const { id, contentType, width, height } = await withTries(clock, signal, () =>
      picture.kind === "bytes"
        ? store.keep(tenant, picture.bytes, { source: "result" })
        : store.keepUrl(tenant, picture.url, { source: "result", trusted, signal }),
    );
    kept.push({ kind: "kept", media: id, contentType, width: width ?? null, height: height ?? null });
  }
  return kept;
}

async function withTries(
  clock: Clock,
  signal: AbortSignal,
  keep: () => Promise<StoredMedia>,
): Promise<StoredMedia> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await keep();
    } catch (thrown) {
      const isFinal = thrown instanceof SluiceError && thrown.code !== "overloaded" && thrown.status < 500;
      if (tries >= TRIES || signal.aborted || isFinal) throw thrown;
      await sleep(clock, FIRST_PAUSE_MS * 2 ** (tries - 1));
    }
  }
}
