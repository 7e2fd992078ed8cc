import { actorKind } from "./definition.ts";
import { defineActor, type HostedActor } from "./host.ts";
import type { LimitOwnerProtocol } from "./limit-owner.ts";
import { ShareDesk } from "./share-desk.ts";

/** The owner of a limit that belongs to no tenant and no vendor: of one model, or of everything. */
export const LIMIT = actorKind<LimitProtocol>("limit");

export type LimitProtocol = Pick<LimitOwnerProtocol, "share">;

/** The owner's key for the limit on all requests. */
export const GLOBAL = "global";

/** The owner's key for a public model's limits: its requests and its tokens. */
export const modelKey = (model: string): string => `model:${model}`;

/** How often limits that nobody uses are forgotten. */
const PRUNE_MS = 30_000;

/** One for each model with limits, and one for the limit on everything. What nodes hold is known only here. */
export function limitActor(): HostedActor {
  return defineActor<ShareDesk, LimitProtocol>({
    kind: LIMIT,
    load: async () => new ShareDesk(LIMIT.name),
    commands: {
      share: (shares, { limit, ask }, turn) => shares.ask(limit, ask, turn),
    },
    tick: { everyMs: PRUNE_MS, run: (shares, { now }) => shares.prune(now) },
    canRest: (shares) => shares.size === 0,
    summary: (shares) => ({ limits: shares.size }),
  });
}
