import type { JobState, MediaCall } from "../../adapters/media-adapter.ts";
import type { MadePicture, MediaRequest } from "../../core/media.ts";
import { sumOfTold, type Usage } from "../../core/usage.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";

/** Pictures of one job in several calls, for vendors that make fewer in one than are asked for. */

/** What is sent for one job. */
export interface Submission {
  readonly parts: readonly Part[];
  readonly dropped?: readonly string[];
}

export interface Part {
  readonly request: MediaRequest;
  readonly call: MediaCall;
}

/** What came of a part, or of all of them. `lost`: nobody knows whether the vendor has the job. */
export type Submitted =
  | { readonly kind: "taken"; readonly state: Taken }
  | { readonly kind: "refused"; readonly failure: VendorFailure }
  | { readonly kind: "lost"; readonly failure: VendorFailure };

export type Taken = JobState & { readonly kind: "running" | "done" };

/** A vendor is not asked for more than these at once: its limits are counted by the job. */
const CALLS_AT_ONCE = 4;

/** The request in parts of at most `most` pictures each. Seeds are counted on: the same one would draw the same again. */
export function sharesOf(request: MediaRequest, most: number | undefined): readonly MediaRequest[] {
  const { count, seed } = request;
  if (most === undefined || count <= most) return [request];
  return Array.from({ length: Math.ceil(count / most) }, (_, index) => ({
    ...request,
    count: Math.min(most, count - index * most),
    ...(seed === undefined ? {} : { seed: seed + index }),
  }));
}

/** Sends the parts, a few at once, in their order, until one is not taken: the others would fare no better. `send` never rejects. */
export async function sendParts(
  parts: readonly Part[],
  send: (part: Part) => Promise<Submitted>,
): Promise<Submitted> {
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) return send(only);
  const results: Submitted[] = [];
  const waiting = [...parts.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, part] = next;
      const result = await send(part);
      results[index] = result;
      if (result.kind === "taken") continue;
      for (const [unsent] of waiting.splice(0))
        results[unsent] = { kind: "refused", failure: result.failure };
    }
  };
  await Promise.all(Array.from({ length: Math.min(CALLS_AT_ONCE, parts.length) }, lane));
  return merged(parts, results);
}

/**
 * What several calls amount to. One that failed is a picture that was refused, and is not charged; one that may have been
 * done all the same is counted as lost. Where all failed, and one may have been done, the whole job is lost: it is not asked
 * for again.
 */
function merged(parts: readonly Part[], results: readonly Submitted[]): Submitted {
  const pictures: MadePicture[] = [];
  const usages: (Usage | undefined)[] = [];
  let lostPictures = 0;
  for (const [index, result] of results.entries()) {
    if (result.kind === "taken" && result.state.kind === "done") {
      pictures.push(...result.state.result.pictures);
      usages.push(result.state.result.usage);
    } else {
      const { code, message } = result.kind === "taken" ? STILL_RUNNING : result.failure;
      pictures.push({ kind: "refused", code, message });
      if (result.kind !== "refused") lostPictures += parts[index]?.request.count ?? 1;
    }
  }
  if (usages.length === 0) {
    const lost = results.find(({ kind }) => kind === "lost") ?? results.find(({ kind }) => kind === "taken");
    if (lost?.kind === "taken") return { kind: "lost", failure: STILL_RUNNING };
    return lost ?? results[0] ?? { kind: "refused", failure: STILL_RUNNING };
  }
  const first = results.find((result) => result.kind === "taken" && result.state.kind === "done");
  const extra = first?.kind === "taken" && first.state.kind === "done" ? first.state.result.extra : undefined;
  return {
    kind: "taken",
    state: {
      kind: "done",
      result: {
        pictures,
        usage: sumOfTold(usages),
        ...(extra === undefined ? {} : { extra }),
        ...(lostPictures === 0 ? {} : { lost: lostPictures }),
      },
    },
  };
}

/** A vendor of pictures in several calls answers each with what it made: nobody would ask about a job of a part. */
const STILL_RUNNING: VendorFailure = {
  fault: "vendor",
  code: "vendor_unavailable",
  status: 200,
  vendorCode: "unexpected_job",
  message: "The vendor took a job where it was to answer with a picture.",
};
