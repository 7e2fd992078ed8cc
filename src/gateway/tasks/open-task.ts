import type { RequestId } from "../../core/ids.ts";
import type { MediaRequest } from "../../core/media.ts";
import { ZERO } from "../../core/points.ts";
import { type Admission, type AdmissionPorts, admit, affordableOf } from "../admission.ts";
import { Charge } from "../charge.ts";
import type { Caller } from "../gateway.ts";
import type { GeneratePorts } from "../generate.ts";
import { meteredAs } from "../media/metered.ts";
import { rank } from "../router.ts";
import type { Route } from "../routes.ts";

/** A task that may run: what is held for it, and who may be asked. */
export interface OpenTask {
  readonly charge: Charge;
  readonly candidates: readonly Route[];
  readonly admission: Admission;
}

export interface OpeningTask {
  readonly caller: Caller;
  readonly request: Pick<
    MediaRequest,
    "operation" | "model" | "prompt" | "negativePrompt" | "count" | "parent"
  > & {
    readonly inputs: { readonly length: number };
    readonly mask?: unknown;
  };
  readonly requestId: RequestId;
  readonly path: string;
  /** It was admitted before, on a node that is gone: only points are taken. */
  readonly isAgain: boolean;
  /** The vendor that has the job already: nobody else is asked. */
  readonly holder?: Route | undefined;
  /** It runs whatever can be held for it. */
  readonly mayBeShort?: boolean;
}

/**
 * Ranks who may be asked, takes rates and the hold, and writes the INTENT.
 * @throws SluiceError what a client is refused with
 */
export async function openTask(ports: GeneratePorts, opening: OpeningTask): Promise<OpenTask> {
  const { caller, requestId, path, isAgain, holder, mayBeShort } = opening;
  const request = meteredAs(opening.request);
  const at = ports.clock.now();
  const candidates = holder === undefined ? ranked(ports, opening, at) : [holder];
  const holding = mayBeShort === true ? shortHolds(ports.admission) : ports.admission;
  const taking: AdmissionPorts = isAgain ? { ...holding, takeRates: () => TAKEN } : holding;
  ports.openCharges.arriving += 1;
  try {
    const admission = await admit(taking, { caller, request, candidates, path, at });
    const { hold, rates } = admission;
    const charge = new Charge(ports, caller, request, requestId, null, hold, [], rates);
    await charge.open();
    return { charge, candidates: admission.candidates, admission };
  } finally {
    ports.openCharges.arriving -= 1;
  }
}

/** Holds what there is where there is not enough. */
function shortHolds({ takeRates, hold }: AdmissionPorts): AdmissionPorts {
  return {
    takeRates,
    async hold(caller, amount, path) {
      for (let wanted = amount; ; ) {
        try {
          return await hold(caller, wanted, path);
        } catch (thrown) {
          const affordable = affordableOf(thrown);
          if (affordable === undefined) throw thrown;
          // What was affordable may be spent meanwhile: then nothing is held.
          wanted = affordable < wanted && wanted === amount ? affordable : ZERO;
        }
      }
    },
  };
}

const TAKEN = { limit: undefined, release() {} };

function ranked(
  ports: GeneratePorts,
  { caller, request, requestId }: OpeningTask,
  at: number,
): readonly Route[] {
  const decision = rank(ports.routes(), ports.desk.standingOf, caller, meteredAs(request), at);
  ports.explanations.decided(requestId, caller.tenant, decision);
  const { parent } = request;
  const routes = decision.ranked.map(({ route }) => route).filter(({ media }) => media !== undefined);
  return parent === undefined ? routes : routes.filter(({ vendor }) => vendor.id === parent.vendor);
}
