import type { Adapter } from "../adapter.ts";
import { readAnswer } from "./answer.ts";
import { classifyResponse } from "./errors.ts";
import type { Member } from "./member.ts";
import { buildCall } from "./request.ts";
import { openStream } from "./stream.ts";

/** A vendor of the OpenAI-like wire family, out of what makes it different from the others. */
export const adapterOf = (member: Member): Adapter => ({
  name: member.name,
  ...(member.defaultBaseUrl === undefined ? {} : { defaultBaseUrl: member.defaultBaseUrl }),
  operations: new Set(member.operations),
  ...(member.transport === undefined ? {} : { transport: member.transport }),
  buildCall: (request, target) => buildCall(member, request, target),
  readAnswer: (request, body, secret = "") => readAnswer(member, request, body, secret),
  openStream: (request, mode, secret = "", remembers = false) =>
    openStream(member, mode, secret, remembers, member.wantsReasoningBack === true && request.usesTools),
  ...(member.continuation === undefined ? {} : { continuation: member.continuation }),
  classifyError: (status, headers, body, secret) => classifyResponse(member, status, headers, body, secret),
});
