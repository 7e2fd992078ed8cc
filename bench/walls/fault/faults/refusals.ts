import { type Expectation, type Fault, invalid, limited, tooSlow, unavailable } from "../fault.ts";
import type { Stage } from "../stage.ts";

/** The vendor says no: by its status, with waits that nobody can mean. */
function refusing(
  name: string,
  what: string,
  status: number,
  expect: Expectation,
  headers: Readonly<Record<string, string>> = {},
): Fault {
  const side = {
    expect,
    play: (s: Stage) =>
      s.reply(status, s.wire.refusal(status), { "content-type": "application/json", ...headers }),
  };
  return { name, what, stream: side, whole: side };
}

const waiting = (name: string, wait: string): Fault =>
  refusing(`limit_${name}`, `429 with \`retry-after: ${wait}\``, 429, limited, { "retry-after": wait });

const HTML = "<html><head><title>Bad gateway</title></head></html>";

export const refusals: readonly Fault[] = [
  refusing("limit", "429 without a word on when", 429, limited),
  waiting("for_ever", "99999999999"),
  waiting("infinite", "1e400"),
  waiting("negative", "-5"),
  waiting("zero", "0"),
  waiting("in_words", "soon"),
  waiting("in_2199", "Tue, 01 Jan 2199 00:00:00 GMT"),
  waiting("in_1999", "Fri, 01 Jan 1999 00:00:00 GMT"),
  ...[500, 502, 503, 529].map((status) => refusing(`error_${status}`, String(status), status, unavailable)),
  refusing("error_504", "504", 504, tooSlow),
  ...[401, 402, 403, 404].map((status) =>
    refusing(`refused_${status}`, `${status}: our key or model, not the client's fault`, status, unavailable),
  ),
  refusing("refused_400", "400: the request's own fault", 400, invalid),
  refusing("moved", "307 to another place", 307, unavailable, { location: "http://127.0.0.1:9/v1" }),
  {
    name: "error_html",
    what: "502 with an HTML page",
    stream: { expect: unavailable, play: (s) => s.reply(502, HTML, { "content-type": "text/html" }) },
    whole: { expect: unavailable, play: (s) => s.reply(502, HTML, { "content-type": "text/html" }) },
  },
  {
    name: "error_cut",
    what: "500 whose body is cut",
    stream: { expect: unavailable, play: cutRefusal },
    whole: { expect: unavailable, play: cutRefusal },
  },
  {
    name: "error_stalled",
    what: "500 whose body never comes",
    stream: { expect: tooSlow, play: stalledRefusal },
    whole: { expect: tooSlow, play: stalledRefusal },
  },
];

function cutRefusal(s: Stage): Promise<void> {
  s.head(500, {}, 1_000);
  s.send(s.wire.refusal(500));
  return s.close();
}

function stalledRefusal(s: Stage): Promise<void> {
  s.head(500, {}, 1_000);
  return s.hang();
}
