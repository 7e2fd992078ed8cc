import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { DEFAULT_MEDIA, type MediaSettings } from "../../core/media-settings.ts";
import { systemRandom } from "../../core/random.ts";
import { type SmallLedger, smallLedger } from "../../ledger/testing/small-ledger.ts";
import { createAllowance } from "../../outbound/allowance.ts";
import { createOutbound } from "../../outbound/guarded-fetch.ts";
import { systemResolve } from "../../outbound/system-resolver.ts";
import { createDiskObjects } from "../disk-objects.ts";
import { createForms, type Forms } from "../forms.ts";
import { createLinks, type Links } from "../links.ts";
import { createMediaStore, type OpenMediaStore } from "../media-store.ts";
import type { Objects } from "../objects.ts";
import { createPictures } from "../pictures.ts";
import { createMediaRows, type MediaRows } from "../rows.ts";
import { createS3Objects } from "../s3-objects.ts";
import { openStaging } from "../staging.ts";
import { type MediaUpkeep, startUpkeep } from "../upkeep.ts";

/** A store of a test's own: real Postgres, real disk, S3 by its settings. */
export interface MediaWorld {
  readonly ledger: SmallLedger;
  readonly store: OpenMediaStore;
  readonly forms: Forms;
  readonly links: Links;
  readonly rows: MediaRows;
  readonly objects: Objects;
  readonly upkeep: MediaUpkeep;
  /** Files below the store's folder and in its staging. */
  files(): Promise<readonly string[]>;
  drop(): Promise<void>;
}

export async function mediaWorld(settings: Partial<MediaSettings> = {}): Promise<MediaWorld> {
  const whole = { ...DEFAULT_MEDIA, ...settings };
  const ledger = await smallLedger();
  const directory = await mkdtemp(join(tmpdir(), "sluice-media-"));
  const staging = await openStaging(join(directory, "staging"), systemRandom);
  const objects =
    whole.s3 === undefined
      ? createDiskObjects(join(directory, "objects"), staging)
      : createS3Objects(whole.s3);
  const rows = createMediaRows(ledger.sql);
  const pictures = createPictures();
  const links = createLinks(new Uint8Array(32).fill(3), undefined);
  const outbound = createOutbound({
    clock: systemClock,
    allowance: createAllowance(["127.0.0.1"]),
    resolve: systemResolve,
  });
  const ports = { rows, objects, pictures, clock: systemClock, log: silentLog };
  const store = createMediaStore({
    ...ports,
    settings: whole,
    staging,
    links,
    outbound,
    random: systemRandom,
  });
  const upkeep = startUpkeep(ports);
  return {
    ledger,
    store,
    forms: createForms({ ...ports, store }),
    links,
    rows,
    objects,
    upkeep,
    async files() {
      const found = await readdir(directory, { recursive: true, withFileTypes: true });
      return found.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
    async drop() {
      await upkeep.close();
      await ledger.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
