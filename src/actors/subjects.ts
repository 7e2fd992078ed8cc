import { subjectToken } from "../bus/subject.ts";
import type { TenantId } from "../core/ids.ts";

/** What owners tell all nodes. The subject carries the owner's key; the payload names it again. */

/** A tenant's points or settings changed: denials are void. Payload `{ tenant }`. */
export const tenantChanged = (tenant: TenantId): string => `tenant.${subjectToken(tenant)}.changed`;
export const ANY_TENANT_CHANGED = "tenant.*.changed";
export interface TenantChanged {
  readonly tenant: TenantId;
}

/** Nodes shall give back what they do not need now. */
export const tenantRecall = (tenant: TenantId): string => `tenant.${subjectToken(tenant)}.recall`;
export const ANY_TENANT_RECALL = "tenant.*.recall";
export interface TenantRecall {
  readonly tenant: TenantId;
  readonly recall: string;
}

/** Holders of a limit's parts shall renew now: another node waits for its share. */
export const rebalance = (kind: string, key: string): string => `${kind}.${subjectToken(key)}.rebalance`;
export const ANY_REBALANCE = "*.*.rebalance";
export interface Rebalance {
  readonly kind: string;
  readonly key: string;
  readonly limit: string;
}

/** What all nodes together know of a vendor's health, after each change. Payload `MergedHealth`. */
export const vendorView = (vendor: string): string => `vendor.${subjectToken(vendor)}.view`;
export const ANY_VENDOR_VIEW = "vendor.*.view";

/** Shards have a new owner that knows nothing of what its predecessor leased: holders shall tell it now. */
export const SHARDS_ACQUIRED = "shards.acquired";
export interface ShardsAcquired {
  readonly shards: readonly number[];
}
