import type { VendorHealth } from "./leases.ts";
import type { LeasePorts } from "./ports.ts";

const VIEW = {
  state: "closed",
  firstTokenMs: undefined,
  latencyMs: undefined,
  errorRatio: 0,
  cooling: new Set<string>(),
} as const;
export const createVendorHealth = (_ports: LeasePorts): VendorHealth => ({
  view: () => VIEW,
  begin: () => true,
  report() {},
  usableKeys: (_v, keys) => keys,
  close() {},
});
