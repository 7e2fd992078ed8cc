import { expect, test } from "bun:test";
import type { Ask } from "../actors/definition.ts";
import { type TenantChanged, tenantChanged } from "../actors/subjects.ts";
import { BusError } from "../bus/bus.ts";
import { createInProcessBus } from "../bus/in-process.ts";
import { systemClock as clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { tenantId } from "../core/ids.ts";
import { silentLog as log } from "../core/log.ts";
import { tellTenantChanged } from "./tell-tenant-changed.ts";

const acme = tenantId("acme");

test("a change that is booked is told to all nodes, whatever became of the tenant's owner", async () => {
  const failures = [
    new BusError("no_responders", "actor.46", "Nobody serves actor.46."),
    new BusError("timeout", "actor.46", "no answer"),
    new SluiceError("overloaded", "The ledger does not answer at the moment."),
  ];
  for (const failure of failures) {
    const ask: Ask = () => Promise.reject(failure);
    const bus = createInProcessBus({ clock });
    const told = new Promise((resolve) => bus.subscribe(tenantChanged(acme), resolve));
    await tellTenantChanged({ ask, bus, log }, acme);
    expect(await told).toEqual({ tenant: acme } satisfies TenantChanged);
    await bus.close();
  }
});
