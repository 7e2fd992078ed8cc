import { commonThresholds, openLoop, settings, summaryLine, trendStats } from "./settings.js";

// What users do at the same time: of a hundred starts 60 answered whole, 35 streamed, 5 chat sessions over a WebSocket.

const part = (share, exec) => ({
  ...openLoop.load,
  exec,
  rate: Math.max(1, Math.round(settings.rate * share)),
});

export { default as httpGeneration } from "./http.js";
export { default as sseGeneration } from "./sse.js";
export { default as webSocketChat } from "./websocket.js";

export const options = {
  scenarios: {
    http: part(0.6, "httpGeneration"),
    sse: part(0.35, "sseGeneration"),
    websocket: part(0.05, "webSocketChat"),
  },
  summaryTrendStats: trendStats,
  thresholds: {
    ...commonThresholds,
    http_req_failed: ["rate<0.001"],
    "http_req_duration{scenario:http}": [`p(99)<${settings.p99}`],
    "http_req_waiting{scenario:sse}": [`p(99)<${settings.p99}`],
    "generation_first_delta{scenario:websocket}": [`p(99)<${settings.p99}`],
    generations_failed: ["count<1"],
  },
};

export const handleSummary = summaryLine;
