import type { SluiceError } from "../core/errors.ts";
import { countTokens } from "./count-tokens.ts";
import type { Caller, Credential, Gateway, ModelView, Scope } from "./gateway.ts";
import { type GeneratePorts, generate } from "./generate.ts";
import { matchesAny } from "./globs.ts";
import { Hedging } from "./hedge/hedging.ts";
import type { Identity } from "./identity.ts";
import type { OverloadGate } from "./overload.ts";
import type { Route } from "./routes.ts";
import { stopping } from "./stopping.ts";

/** The gateway out of its parts. */
export function createGateway(
  identity: Identity,
  overload: Pick<OverloadGate, "refusal">,
  ports: GeneratePorts,
): Gateway {
  const hedged: GeneratePorts = { hedging: new Hedging(), ...ports };
  let isClosed = false;
  const refusalFor = ({ tier }: Caller): SluiceError | undefined =>
    isClosed ? stopping() : overload.refusal(tier);
  return {
    close() {
      isClosed = true;
    },
    authenticate: (credential: Credential, scope: Scope) => identity.authenticate(credential, scope),
    generate(caller, request, options) {
      const refusal = refusalFor(caller);
      if (refusal !== undefined) return Promise.reject(refusal);
      return generate(hedged, caller, request, options);
    },
    countTokens(caller, request, options) {
      const refusal = refusalFor(caller);
      if (refusal !== undefined) return Promise.reject(refusal);
      return countTokens(ports, caller, request, options);
    },
    models: (caller) =>
      [...ports.routes().models]
        .filter(([name]) => caller.models === null || matchesAny(caller.models, name))
        .map(([name, routes]) => view(name, routes.filter(mayUse(caller.vendors))))
        .filter(({ vendors }) => vendors.length > 0),
  };
}

const mayUse =
  (vendors: readonly string[] | null) =>
  (route: Route): boolean =>
    route.price !== undefined && (vendors === null || matchesAny(vendors, route.vendor.id));

function view(id: string, routes: readonly Route[]): ModelView {
  return {
    id,
    operations: [...new Set(routes.flatMap((route) => [...route.operations]))],
    vendors: [...new Set(routes.map((route) => route.vendor.id))],
  };
}
