import type { Ask } from "../actors/definition.ts";
import { type ActorHost, createActorHost } from "../actors/host.ts";
import { createBudgetLeases } from "../actors/leases/budget-leases.ts";
import type {
  BudgetLeases,
  PurseLeases,
  QuotaLeases,
  RateLeases,
  VendorHealth,
} from "../actors/leases/leases.ts";
import { createPurseDesk } from "../actors/leases/purse-desk.ts";
import { createPurseLeases } from "../actors/leases/purse-leases.ts";
import { createQuotaLeases } from "../actors/leases/quota-leases.ts";
import { createRateLeases } from "../actors/leases/rate-leases.ts";
import { createVendorHealth } from "../actors/leases/vendor-health.ts";
import { limitActor } from "../actors/limit.ts";
import { tenantActor } from "../actors/tenant.ts";
import { vendorActor } from "../actors/vendor.ts";
import { systemClock as clock } from "../core/clock.ts";
import { vendorId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import type { Telemetry } from "../gateway/telemetry.ts";
import type { ClusterParts } from "./cluster-parts.ts";
import type { LedgerParts } from "./ledger-parts.ts";

/** The actors, and what this node leases from them. */
export interface LeaseParts {
  readonly host: ActorHost;
  readonly purses: PurseLeases;
  readonly rates: RateLeases;
  readonly budgets: BudgetLeases;
  readonly quotas: QuotaLeases;
  readonly health: VendorHealth;
  /** Gives every lease back and stops the actors. */
  close(deadlineMs: number): Promise<void>;
}

export async function startActors(
  { node, accounts, reports, recovered }: Pick<LedgerParts, "node" | "accounts" | "reports" | "recovered">,
  { bus, placement, peers }: Pick<ClusterParts, "bus" | "placement" | "peers">,
  counter: Telemetry,
  log: Log,
): Promise<LeaseParts> {
  const actors = [
    tenantActor({ ...accounts, spentByKey: reports.spentByKey }),
    vendorActor((vendor, since) => reports.callsByVendor(vendorId(vendor), since)),
    limitActor(),
  ];
  const host = createActorHost({ bus, clock, random, log, node, placement, actors });
  await host.start();
  const ask: Ask = (kind, key, command, asked, options) => {
    counter.ownerAsked(kind.name, String(command));
    return host.ask(kind, key, command, asked, options);
  };
  const { epoch } = recovered.position;
  const ports = { node, epoch, clock, random, log, bus, ask, counter, nodes: peers.expected };
  const desk = createPurseDesk({ ask, bus, clock, ledger: accounts, nodes: peers.expected });
  const purses = createPurseLeases(ports, desk);
  const rates = createRateLeases(ports);
  const budgets = createBudgetLeases(ports);
  const quotas = createQuotaLeases(ports);
  const health = createVendorHealth(ports);
  return {
    host,
    purses,
    rates,
    budgets,
    quotas,
    health,
    async close(deadlineMs) {
      await Promise.all([purses, rates, budgets, quotas].map((leases) => leases.drain(deadlineMs)));
      health.close();
      await host.stop(deadlineMs);
    },
  };
}
