import { check } from "k6";
import http from "k6/http";
import { Counter } from "k6/metrics";
import {
  chatBody,
  commonThresholds,
  httpOptions,
  openLoop,
  settings,
  summaryLine,
  trendStats,
} from "./settings.js";

// One streamed generation a request. k6 does not read event streams: it takes the stream as one answer of HTTP.
// So `http_req_waiting` is the time to the response's headers (which leave with or before the first token),
// `http_req_duration` the time to the last byte; the gaps between tokens are not seen. `stream_frames` counts
// events, to show that none is missing.

export const options = {
  scenarios: openLoop,
  summaryTrendStats: trendStats,
  thresholds: {
    ...commonThresholds,
    http_req_failed: ["rate<0.001"],
    http_req_waiting: [`p(99)<${settings.p99}`],
  },
};

const body = JSON.stringify(chatBody(true));
const frames = new Counter("stream_frames");

export default function () {
  const response = http.post(`${settings.url}/v1/chat/completions`, body, httpOptions);
  const text = response.body || "";
  frames.add(text.split("\ndata: ").length);
  check(response, {
    "status is 200": ({ status }) => status === 200,
    "ends with [DONE], once": () =>
      text.trimEnd().endsWith("data: [DONE]") && text.split("[DONE]").length === 2,
    "has its usage": () => text.includes('"completion_tokens"'),
    "has no error": () => !text.includes('"error"'),
  });
}

export const handleSummary = summaryLine;
