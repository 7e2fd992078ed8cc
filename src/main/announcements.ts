import { ANY_TENANT_CHANGED, type TenantChanged } from "../actors/subjects.ts";
import type { Bus, Subscription } from "../bus/bus.ts";
import type { KeyId, TenantId } from "../core/ids.ts";

/** What every node is told when one of them has changed it. A node that is cut off asks the ledger more often instead. */
export interface Announcements {
  keyChanged(key: KeyId): void;
  catalogChanged(): void;
  close(): void;
}

export interface AnnouncementHandlers {
  keyChanged(key: KeyId): void;
  tenantChanged(tenant: TenantId): void;
  catalogChanged(): void;
}

const KEY_CHANGED = "key.changed";
const CATALOG_CHANGED = "catalog.changed";

/** Whoever announces is told, too, by its own message: one path for all. */
export function createAnnouncements(bus: Bus, handlers: AnnouncementHandlers): Announcements {
  // Only announcements and tenants' actors write on these subjects.
  const subscriptions: readonly Subscription[] = [
    bus.subscribe(KEY_CHANGED, (key) => handlers.keyChanged(key as KeyId)),
    bus.subscribe(CATALOG_CHANGED, () => handlers.catalogChanged()),
    bus.subscribe(ANY_TENANT_CHANGED, (told) => handlers.tenantChanged((told as TenantChanged).tenant)),
  ];
  return {
    keyChanged: (key) => bus.publish(KEY_CHANGED, key),
    catalogChanged: () => bus.publish(CATALOG_CHANGED, null),
    close() {
      for (const subscription of subscriptions) subscription.close();
    },
  };
}
