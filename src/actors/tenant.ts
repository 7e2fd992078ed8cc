import { keyId, tenantId } from "../core/ids.ts";
import { formatPoints, micropointsOf } from "../core/points.ts";
import { defineActor, type HostedActor } from "./host.ts";
import { ShareDesk } from "./share-desk.ts";
import { SliceDesk } from "./slice-desk.ts";
import type { TenantLedger } from "./tenant-ledger.ts";
import { isPathBudget, TENANT, type TenantProtocol } from "./tenant-protocol.ts";
import { TenantPurses } from "./tenant-purses.ts";

interface State {
  readonly purses: TenantPurses;
  readonly shares: ShareDesk;
  readonly slices: SliceDesk;
}

/** How often limits and budgets that nobody uses are forgotten. */
const PRUNE_MS = 30_000;

/** One for each tenant: owns its points, its rates and slots, and its keys' budgets. */
export function tenantActor(ledger: TenantLedger): HostedActor {
  return defineActor<State, TenantProtocol>({
    kind: TENANT,
    async load(key, { clock }) {
      const tenant = tenantId(key);
      const balances = await ledger.balances(tenant);
      return {
        purses: new TenantPurses(ledger, tenant, balances, clock.monotonic()),
        shares: new ShareDesk(TENANT.name),
        slices: new SliceDesk(
          async (subject, since) => (isPathBudget(subject) ? 0n : ledger.spentByKey(keyId(subject), since)),
          (subject) => !isPathBudget(subject),
        ),
      };
    },
    commands: {
      grant: ({ purses }, ask, turn) => purses.grant(ask, turn),
      giveBack: ({ purses }, ask, turn) => purses.giveBack(ask, turn),
      share: ({ shares }, { limit, ask }, turn) => shares.ask(limit, ask, turn),
      slice: ({ slices }, { subject, ask }, turn) => slices.ask(subject, ask, turn),
      refresh: ({ purses }, _, turn) => purses.refresh(turn),
      state: ({ purses }) => purses.state,
    },
    tick: {
      everyMs: PRUNE_MS,
      run({ shares, slices }, { now, clock }) {
        shares.prune(now);
        slices.prune(clock.now());
      },
    },
    // What nodes hold of rates and budgets is known only here; purses are in the ledger.
    canRest: ({ shares, slices }) => shares.size === 0 && slices.size === 0,
    summary: ({ purses, shares, slices }) => ({
      available: formatPoints(micropointsOf(purses.state.available)),
      purses: purses.state.purses.size,
      ledgerCalls: purses.waiting,
      limits: shares.size,
      budgets: slices.size,
    }),
  });
}
