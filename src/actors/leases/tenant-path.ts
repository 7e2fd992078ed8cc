import type { TenantId } from "../../core/ids.ts";

/** A path of the API as one tenant uses it: whose rate, and whose budget. */
export class TenantPath {
  readonly kind = "api";
  /** What names both. */
  readonly id: string;

  constructor(
    readonly tenant: TenantId,
    readonly path: string,
  ) {
    this.id = `${tenant} ${path}`;
  }
}
