import { OPERATIONS } from "../../core/catalog.ts";
import type { Adapter } from "../adapter.ts";
import type { Judge } from "../openai-services/service.ts";
import { readAnswer } from "./answer.ts";
import { classifyResponse, failureInside } from "./errors.ts";
import type { Member } from "./member.ts";
import { buildCall } from "./request.ts";
import { openStream } from "./stream.ts";

/** A vendor of the OpenAI-like wire family, out of what makes it different from the others. */
export function adapterOf(member: Member): Adapter {
  const services = member.services ?? {};
  const judgeWith =
    (secret: string): Judge =>
    (value) =>
      failureInside(member, value, secret);
  const realtime = member.realtime?.((event, secret) => failureInside(member, event, secret));
  return {
    name: member.name,
    ...(member.defaultBaseUrl === undefined ? {} : { defaultBaseUrl: member.defaultBaseUrl }),
    operations: new Set([
      ...member.operations,
      ...operationsOf(services),
      ...(realtime === undefined ? [] : ["realtime" as const]),
    ]),
    ...(realtime === undefined ? {} : { realtime }),
    ...(member.transport === undefined ? {} : { transport: member.transport }),
    buildCall: (request, target) =>
      services[request.operation]?.buildCall(request, target) ?? buildCall(member, request, target),
    readAnswer: (request, body, secret = "") =>
      services[request.operation]?.readAnswer?.(request, body, judgeWith(secret)) ??
      readAnswer(member, request, body, secret),
    openStream: (request, mode, secret = "", remembers = false) =>
      services[request.operation]?.openStream?.(request, judgeWith(secret)) ??
      openStream(member, mode, secret, remembers, member.wantsReasoningBack === true && request.usesTools),
    ...(member.continuation === undefined ? {} : { continuation: member.continuation }),
    classifyError: (status, headers, body, secret) => classifyResponse(member, status, headers, body, secret),
  };
}

const operationsOf = (services: NonNullable<Member["services"]>) =>
  OPERATIONS.filter((operation) => services[operation] !== undefined);
