import type { Subscription } from "../../bus/bus.ts";
import type { Cancel } from "../../core/clock.ts";
import type { VendorId } from "../../core/ids.ts";
import { vendorId } from "../../core/ids.ts";
import { ANY_VENDOR_VIEW } from "../subjects.ts";
import { type MergedHealth, VENDOR } from "../vendor-protocol.ts";
import type { Observation, VendorHealth, VendorView } from "./leases.ts";
import type { LeasePorts } from "./ports.ts";
import { VendorRecord } from "./vendor-record.ts";

/**
 * What this node knows of the vendors' health: it acts at once on what it sees itself, tells the vendors'
 * actors every quarter second, and learns from them what all nodes saw.
 *
 * @example
 * const health = createVendorHealth({ node, clock, random, log, bus, ask: host.ask });
 * if (health.view(vendor).state !== "open" && health.begin(vendor)) {
 *   …; health.report(vendor, key.id, { ok: true, durationMs, firstTokenMs });
 * }
 * health.close();                                      // before the host stops
 */
export const createVendorHealth = (ports: LeasePorts): VendorHealth => new NodeHealth(ports);

/** How often the owners are told. */
const REPORT_MS = 250;

const REPORT_TIMEOUT_MS = 2_000;

class NodeHealth implements VendorHealth {
  readonly #records = new Map<VendorId, VendorRecord>();
  readonly #subscription: Subscription;
  readonly #cancelReports: Cancel;

  constructor(readonly ports: LeasePorts) {
    this.#cancelReports = ports.clock.every(REPORT_MS, () => this.#reportAll());
    // Only vendor actors write on this subject.
    this.#subscription = ports.bus.subscribe(ANY_VENDOR_VIEW, (told) => {
      const view = told as MergedHealth;
      this.#records.get(vendorId(view.vendor))?.learn(view, ports.clock.monotonic());
    });
  }

  view(vendor: VendorId): VendorView {
    return this.#record(vendor).view(this.ports.clock.monotonic());
  }

  begin(vendor: VendorId): boolean {
    const record = this.#record(vendor);
    return record.isOpenToAll || record.begin(this.ports.clock.monotonic());
  }

  report(vendor: VendorId, vendorKey: string, observation: Observation): void {
    this.#record(vendor).observe(vendorKey, observation, this.ports.clock.monotonic());
  }

  usableKeys<Key extends { readonly id: string }>(vendor: VendorId, keys: readonly Key[]): readonly Key[] {
    const record = this.#records.get(vendor);
    return record?.hasCooling === true ? this.#warm(record, keys) : keys;
  }

  #warm<Key extends { readonly id: string }>(record: VendorRecord, keys: readonly Key[]): readonly Key[] {
    const cooling = record.cooling(this.ports.clock.monotonic());
    return cooling.size === 0 ? keys : keys.filter(({ id }) => !cooling.has(id));
  }

  close(): void {
    this.#cancelReports();
    this.#subscription.close();
  }

  #record(vendor: VendorId): VendorRecord {
    let record = this.#records.get(vendor);
    if (record === undefined) {
      // As many as the configuration names: only configured vendors are asked about.
      record = new VendorRecord(this.ports.node, this.ports.clock.monotonic());
      this.#records.set(vendor, record);
    }
    return record;
  }

  #reportAll(): void {
    const now = this.ports.clock.monotonic();
    for (const [vendor, record] of this.#records) {
      const report = record.takeReport(now);
      if (report === undefined) continue;
      this.ports.ask(VENDOR, vendor, "report", report, { timeoutMs: REPORT_TIMEOUT_MS }).then(
        (view) => record.reported(view, this.ports.clock.monotonic()),
        // Alone for now: what this node saw itself is all it has.
        () => record.reported(undefined, this.ports.clock.monotonic()),
      );
    }
  }
}
