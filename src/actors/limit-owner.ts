import type { ActorKind } from "./definition.ts";
import type { ShareAsk, ShareReply } from "./shares.ts";
import type { SliceAsk, SliceReply } from "./slices.ts";

/** What every owner of limits answers: tenants for themselves and their keys, vendors for themselves. */
export type LimitOwnerProtocol = {
  /** A part of a rate and of the slots. */
  share: { ask: { readonly limit: string; readonly ask: ShareAsk }; reply: ShareReply };
  /** A slice of what may be used up in a period. */
  slice: { ask: { readonly subject: string; readonly ask: SliceAsk }; reply: SliceReply };
};

export interface LimitOwner {
  readonly kind: ActorKind<LimitOwnerProtocol>;
  readonly key: string;
}

/** Whoever splits a limit into parts; some hand out slices, too. */
export interface ShareOwner {
  readonly kind: ActorKind<Pick<LimitOwnerProtocol, "share">>;
  readonly key: string;
}
