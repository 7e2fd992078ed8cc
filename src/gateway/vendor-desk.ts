import type { VendorKey } from "../core/catalog.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { StandingOf } from "./router.ts";
import type { Route } from "./routes.ts";

/** What the gateway asks about vendors: may one more call go there, with which key, and how did it go. */
export interface VendorDesk {
  readonly standingOf: StandingOf;
  /** A place among the vendor's rate and slots and a usable key, not one of `tried`. */
  take(route: Route, tried: ReadonlySet<string>): Ticket | NoTicket | Promise<Ticket | NoTicket>;
  report(route: Route, key: VendorKey, observation: Observation): void;
}

export interface Ticket {
  readonly ok: true;
  readonly key: VendorKey;
  /** The call is over, its stream included. */
  release(): void;
}

export interface NoTicket {
  readonly ok: false;
  readonly failure: VendorFailure;
}

export type Observation =
  | { readonly ok: true; readonly durationMs: number; readonly firstTokenMs: number | undefined }
  | { readonly ok: false; readonly failure: VendorFailure };
