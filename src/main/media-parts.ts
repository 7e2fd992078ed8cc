import { join, resolve } from "node:path";
import type { AnyElysia } from "elysia";
import type { Config } from "../config/config.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Idempotency } from "../http/idempotent.ts";
import { mediaRoutes } from "../http/media/routes.ts";
import { createUploads, type Uploads } from "../http/media/upload.ts";
import type { Metrics } from "../http/metrics.ts";
import { webhookRoutes } from "../http/webhooks/routes.ts";
import { createSeal } from "../ledger/sealed.ts";
import { createDiskObjects } from "../media/disk-objects.ts";
import { createForms } from "../media/forms.ts";
import { createLinks } from "../media/links.ts";
import type { MediaStore } from "../media/media.ts";
import { createMediaStore } from "../media/media-store.ts";
import { createPictures } from "../media/pictures.ts";
import { createMediaRows } from "../media/rows.ts";
import { createS3Objects } from "../media/s3-objects.ts";
import { openStaging } from "../media/staging.ts";
import { startUpkeep } from "../media/upkeep.ts";
import { createAllowance } from "../outbound/allowance.ts";
import { createOutbound } from "../outbound/guarded-fetch.ts";
import type { Outbound } from "../outbound/outbound.ts";
import { systemResolve } from "../outbound/system-resolver.ts";
import { createDeliveries } from "../webhooks/deliveries.ts";
import { createOutbox } from "../webhooks/outbox.ts";
import { createWebhookSecrets } from "../webhooks/secrets.ts";
import { startSender } from "../webhooks/sender.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";
import { derivedKey, type LedgerParts } from "./ledger-parts.ts";

/** Pictures and sound that are kept, and messages to tenants' own servers: what goes out, and what is fetched. */
export interface MediaParts {
  readonly outbound: Outbound;
  readonly store: MediaStore;
  readonly uploads: Uploads;
  readonly webhooks: Webhooks;
  routes(gateway: Gateway, idempotency: Idempotency, metrics: Metrics, log: Log): readonly AnyElysia[];
  /** Takes nothing new and lets what runs end. The ledger must still be there. */
  close(): Promise<void>;
}

export async function openMedia(config: Config, ledger: LedgerParts, log: Log): Promise<MediaParts> {
  const { sql, masterSecret } = ledger;
  const { media: settings, publicUrl } = config;
  const allowance = createAllowance(config.fetchAllow);
  const outbound = createOutbound({ clock, allowance, resolve: systemResolve });
  const directory = join(resolve(config.dataDirectory), "media");
  // It is emptied at a start, so that each worker needs one of its own.
  const staging = await openStaging(join(directory, "staging", String(config.worker?.number ?? "")), random);
  const objects =
    settings.s3 === undefined
      ? createDiskObjects(join(directory, "objects"), staging)
      : createS3Objects(settings.s3);
  if (settings.s3 === undefined && config.natsUrls.length > 0 && config.worker?.isAlone !== true) {
    log.warn("pictures are kept on this node's own disk: other nodes cannot serve them; set server.media.s3");
  }
  const rows = createMediaRows(sql);
  const pictures = createPictures();
  const links = createLinks(derivedKey(masterSecret, "media links"), publicUrl);
  const kept = { rows, objects, pictures, clock, log };
  const store = createMediaStore({ ...kept, settings, staging, links, outbound, random });
  const uploads = createUploads({ store, clock, maxBytes: settings.maxBytes });
  const forms = createForms({ ...kept, store });
  const upkeep = startUpkeep(kept);

  const seal = createSeal(derivedKey(masterSecret, "webhooks"), random);
  const deliveries = createDeliveries(sql, seal);
  const secrets = createWebhookSecrets(sql, seal, random);
  const sender = startSender({ deliveries, secrets, outbound, clock, random, log });
  const webhooks = createOutbox({ deliveries, clock, random, wake: sender.wake });
  return {
    outbound,
    store,
    uploads,
    webhooks,
    routes(gateway, idempotency, metrics, routesLog) {
      const { countRequest } = metrics;
      const answering = { log: routesLog, random, countRequest, gateway, idempotency };
      return [
        mediaRoutes({ ...answering, store, forms, links, clock, uploads }),
        webhookRoutes({ ...answering, sql, webhooks, deliveries, secrets }),
      ];
    },
    async close() {
      await Promise.all([sender.close(), upkeep.close()]);
    },
  };
}
