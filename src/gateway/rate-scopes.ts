import type { RateScope } from "../actors/leases/leases.ts";
import { TenantPath } from "../actors/leases/tenant-path.ts";
import type { Algorithm } from "../core/algorithms.ts";
import type { KeyLimits } from "../core/key-limits.ts";
import type { ModelLimits } from "../core/limit-specs.ts";
import type { Caller } from "./gateway.ts";

/** Whose limits a caller's requests take from. Made once for each caller, who is one object while its key is believed. */
export class CallerScopes {
  readonly tenant: RateScope;
  readonly key: RateScope;
  #paths: Map<string, TenantPath> | undefined;
  #limits: KeyLimits | undefined;

  constructor(readonly caller: Caller) {
    const { tenant, key } = caller;
    this.tenant = { kind: "tenant", tenant };
    this.key = { kind: "key", tenant, key };
  }

  /** To be asked about configured paths only: all that were are kept. */
  path(path: string): TenantPath {
    this.#paths ??= new Map();
    let known = this.#paths.get(path);
    if (known === undefined) {
      known = new TenantPath(this.caller.tenant, path);
      this.#paths.set(path, known);
    }
    return known;
  }

  /** The key's own limits, which are kept without an algorithm; one object, since leases know limits by it. */
  countedAs(own: KeyLimits, algorithm: Algorithm): KeyLimits {
    if (this.#limits?.algorithm !== algorithm) this.#limits = { ...own, algorithm };
    return this.#limits;
  }
}

const ofCallers = new WeakMap<Caller, CallerScopes>();

export function scopesOf(caller: Caller): CallerScopes {
  let scopes = ofCallers.get(caller);
  if (scopes === undefined) {
    scopes = new CallerScopes(caller);
    ofCallers.set(caller, scopes);
  }
  return scopes;
}

interface ModelScopes {
  readonly model: string;
  readonly requests: RateScope;
  readonly tokens: RateScope;
}

const ofModels = new WeakMap<ModelLimits, ModelScopes>();

/** A public model's, one for each configuration of its limits. */
export function modelScopes(model: string, limits: ModelLimits): ModelScopes {
  const known = ofModels.get(limits);
  if (known?.model === model) return known;
  const scopes: ModelScopes = {
    model,
    requests: { kind: "model", model },
    tokens: { kind: "tokens", model },
  };
  ofModels.set(limits, scopes);
  return scopes;
}
