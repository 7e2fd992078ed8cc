import type { GenerationRequest } from "../../core/generation.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { objectOf } from "../json.ts";
import { TargetHeaders } from "../target-headers.ts";
import type { Member } from "./member.ts";
import { draftOf } from "./request-draft.ts";

const HEADERS = new TargetHeaders(({ secret }, accept) => ({
  authorization: `Bearer ${secret}`,
  "content-type": "application/json",
  accept,
}));

/** The HTTP call: the client's body in the vendor's terms, usage asked for in every stream. */
export function buildCall(member: Member, request: GenerationRequest, target: Target): VendorCall {
  const draft = draftOf(request.body);
  draft.set("model", target.model);
  if (request.stream) draft.set("stream", true);
  else draft.remove("stream", "stream_options");
  member.shape(draft, request, target);
  // A member may have turned a whole answer into a stream that is put together afterwards.
  const streams = draft.get("stream") === true;
  if (streams) {
    draft.set("stream_options", { ...objectOf(draft.get("stream_options")), include_usage: true });
  }
  const call: VendorCall = {
    method: "POST",
    url: member.url(request, target),
    headers: HEADERS.of(target, streams),
    body: JSON.stringify(draft.body),
  };
  return draft.dropped.length === 0 ? call : { ...call, dropped: draft.dropped };
}
