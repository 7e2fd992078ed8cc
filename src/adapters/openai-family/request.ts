import type { GenerationRequest } from "../../core/generation.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { objectOf } from "../json.ts";
import type { Member } from "./member.ts";
import { draftOf } from "./request-draft.ts";

type CallHeaders = VendorCall["headers"];

/** Once for each target, which the gateway makes once for each route and key: what is frozen is also written only once. */
const wholeHeaders = new WeakMap<Target, CallHeaders>();
const streamHeaders = new WeakMap<Target, CallHeaders>();

function headersFor(target: Target, streams: boolean): CallHeaders {
  const known = streams ? streamHeaders : wholeHeaders;
  let headers = known.get(target);
  if (headers === undefined) {
    headers = Object.freeze({
      authorization: `Bearer ${target.secret}`,
      "content-type": "application/json",
      accept: streams ? "text/event-stream" : "application/json",
    });
    known.set(target, headers);
  }
  return headers;
}

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
  const body = JSON.stringify(draft.body);
  const call = {
    method: "POST",
    url: member.url(request, target),
    headers: headersFor(target, streams),
    body,
  } as const;
  return draft.dropped.length === 0 ? call : { ...call, dropped: draft.dropped };
}
