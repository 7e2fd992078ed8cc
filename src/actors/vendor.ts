import { defineActor, type HostedActor } from "./host.ts";
import { ShareDesk } from "./share-desk.ts";
import { SliceDesk, type UsedSince } from "./slice-desk.ts";
import { VENDOR, type VendorProtocol } from "./vendor-protocol.ts";

interface State {
  readonly shares: ShareDesk;
  readonly slices: SliceDesk;
}

/** One for each vendor: owns the limits toward it and what all nodes together know of its health. */
export function vendorActor(callsSince: UsedSince): HostedActor {
  return defineActor<State, VendorProtocol>({
    kind: VENDOR,
    load: async () => ({ shares: new ShareDesk(VENDOR.name), slices: new SliceDesk(callsSince) }),
    commands: {
      share: ({ shares }, { limit, ask }, turn) => shares.ask(limit, ask, turn),
      slice: ({ slices }, { subject, ask }, turn) => slices.ask(subject, ask, turn),
      report: () => null,
      view: (_, __, turn) => ({ vendor: turn.key }),
    },
    canRest: ({ shares, slices }) => shares.size === 0 && slices.size === 0,
  });
}
