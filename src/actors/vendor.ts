import { MergedVendor } from "./health/merged-vendor.ts";
import { defineActor, type HostedActor } from "./host.ts";
import { ShareDesk } from "./share-desk.ts";
import { SliceDesk, type UsedSince } from "./slice-desk.ts";
import { vendorView } from "./subjects.ts";
import { VENDOR, type VendorProtocol } from "./vendor-protocol.ts";

interface State {
  readonly shares: ShareDesk;
  readonly slices: SliceDesk;
  readonly health: MergedVendor;
  prunedAt: number;
}

/** How often nodes are told of what changed. */
const VIEW_MS = 250;

/** How often limits that nobody uses are forgotten. */
const PRUNE_MS = 30_000;

/**
 * One for each vendor: owns the limits toward it and what all nodes together know of its health, which is
 * advice. `callsSince`: calls of a vendor that the ledger knows since a moment (epoch milliseconds).
 */
export function vendorActor(callsSince: UsedSince): HostedActor {
  return defineActor<State, VendorProtocol>({
    kind: VENDOR,
    async load(key, { clock }) {
      const now = clock.monotonic();
      return {
        shares: new ShareDesk(VENDOR.name),
        slices: new SliceDesk(callsSince),
        health: new MergedVendor(key, now),
        prunedAt: now,
      };
    },
    commands: {
      share: ({ shares }, { limit, ask }, turn) => shares.ask(limit, ask, turn),
      slice: ({ slices }, { subject, ask }, turn) => slices.ask(subject, ask, turn),
      report({ health }, report, { now }) {
        health.merge(report, now);
        return health.view(now);
      },
      view: ({ health }, _, { now }) => health.view(now),
    },
    tick: {
      everyMs: VIEW_MS,
      run(state, turn) {
        const view = state.health.changedView(turn.now);
        if (view !== undefined) turn.publish(vendorView(turn.key), view);
        if (turn.now - state.prunedAt < PRUNE_MS) return;
        state.prunedAt = turn.now;
        state.shares.prune(turn.now);
        state.slices.prune(turn.clock.now());
      },
    },
    canRest: ({ shares, slices, health }, now) =>
      shares.size === 0 && slices.size === 0 && health.isUneventful(now),
    summary({ shares, slices, health }, now) {
      const { state, errorRatio, requests, cooling } = health.view(now);
      return {
        state,
        errorRatio,
        requests,
        cooling: cooling.length,
        limits: shares.size,
        quotas: slices.size,
      };
    },
  });
}
