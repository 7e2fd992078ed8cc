import { check } from "k6";
import http from "k6/http";
import {
  chatBody,
  commonThresholds,
  httpOptions,
  openLoop,
  settings,
  summaryLine,
  trendStats,
} from "./settings.js";

// One generation a request, answered whole. `http_req_duration` is from the request's first byte to the
// answer's last.

export const options = {
  scenarios: openLoop,
  summaryTrendStats: trendStats,
  thresholds: {
    ...commonThresholds,
    http_req_failed: ["rate<0.001"],
    http_req_duration: [`p(99)<${settings.p99}`],
  },
};

const body = JSON.stringify(chatBody(false));

export default function () {
  const response = http.post(`${settings.url}/v1/chat/completions`, body, httpOptions);
  check(response, {
    "status is 200": ({ status }) => status === 200,
    "has an answer and its usage": ({ body: text }) =>
      /"finish_reason":"stop".*"completion_tokens"/.test(text),
  });
}

export const handleSummary = summaryLine;
