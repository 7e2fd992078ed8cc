// What all scripts share. Settings come from the environment, so that each script also runs by hand:
//   k6 run -e URL=http://127.0.0.1:8080 -e KEY=sk-… -e MODEL=sandbox-chat -e RATE=20 -e SECONDS=30 bench/k6/http.js

const urls = (__ENV.URL || "http://127.0.0.1:8080").split(",");

export const settings = {
  // Several nodes as a comma list: each virtual user stays with one.
  url: urls[__VU % urls.length],
  key: __ENV.KEY || "",
  model: __ENV.MODEL || "sandbox-chat",
  rate: Number(__ENV.RATE || 10),
  seconds: Number(__ENV.SECONDS || 10),
  // Generations on one socket, for WebSocket only.
  generations: Number(__ENV.GENERATIONS || 8),
  // The slowest one in a hundred may take so many milliseconds.
  p99: Number(__ENV.P99 || 1000),
};

/** Open loop: requests start at their time whether or not earlier ones are answered, as users do. */
export const openLoop = {
  load: {
    executor: "constant-arrival-rate",
    rate: settings.rate,
    timeUnit: "1s",
    duration: `${settings.seconds}s`,
    // Enough for two seconds of starts; making more during the test costs what is to be measured.
    preAllocatedVUs: Math.min(300, settings.rate * 2),
    maxVUs: Math.max(300, settings.rate * 2),
    gracefulStop: "20s",
  },
};

export const trendStats = ["med", "p(90)", "p(99)", "p(99.9)", "max"];

/** A start that k6 had no virtual user left for means that the figures are of another rate than they say. */
export const commonThresholds = {
  checks: ["rate>0.999"],
  dropped_iterations: ["count<1"],
};

const maxTokens = Number((/^bench-(\d+)/.exec(settings.model) || [])[1] || 64);

export const chatBody = (stream) => ({
  model: settings.model,
  messages: [{ role: "user", content: "How does a sluice work? Answer in a few words." }],
  max_tokens: maxTokens,
  ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
});

export const httpOptions = {
  headers: { authorization: `Bearer ${settings.key}`, "content-type": "application/json" },
  responseType: "text",
  timeout: "60s",
};

/** The whole summary as one line of JSON, for the bench that runs this. */
export const summaryLine = (data) => ({ stdout: `\n${JSON.stringify(data)}\n` });
