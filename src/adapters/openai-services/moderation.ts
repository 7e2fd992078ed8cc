import { listOf } from "../json.ts";
import { noResult, readObject } from "./json-answer.ts";
import { authorized, type Service } from "./service.ts";

/** `POST /moderations` (spec 2.3.0): the body and the answer pass as they are. Its answers tell no usage. */
export const moderation: Service = {
  buildCall: (request, target) => ({
    method: "POST",
    url: `${target.baseUrl}/moderations`,
    headers: authorized(target, "application/json", "application/json"),
    body: JSON.stringify({ ...request.body, model: target.model }),
  }),
  readAnswer(_request, body, judge) {
    const read = readObject(body, judge);
    if ("failure" in read) return { ok: false, failure: read.failure };
    const { parsed } = read;
    if (listOf(parsed.results).length === 0) return { ok: false, failure: judge(parsed) ?? noResult() };
    return { ok: true, body, parsed, usage: undefined, finishReasons: [], outputChars: 0 };
  },
};
