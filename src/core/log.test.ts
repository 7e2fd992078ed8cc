import { describe, expect, test } from "bun:test";
import { createLog, type LogOptions } from "./log.ts";

function capture(options: Omit<LogOptions, "destination">) {
  const lines: string[] = [];
  const log = createLog({ ...options, destination: { write: (line) => void lines.push(line) } });
  return { log, lines };
}

describe("a log for machines", () => {
  test("writes one JSON object a line, with level, time and message", () => {
    const { log, lines } = capture({ terminal: false });
    log.info("listening", { port: 8080, amount: 12n });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      message: "listening",
      port: 8080,
      amount: "12",
    });
  });

  test("a child adds its fields to every line", () => {
    const { log, lines } = capture({ terminal: false });
    log.child({ part: "ledger" }).warn("slow", { ms: 7 });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ part: "ledger", ms: 7, level: "warn" });
  });

  test("lines below the level are not written", () => {
    const { log, lines } = capture({ terminal: false, level: "warn" });
    log.info("nothing");
    log.debug("nothing");
    expect(lines).toEqual([]);
  });

  test("keys do not get through in fields, children or messages", () => {
    const { log, lines } = capture({ terminal: false });
    log.child({ adminKey: "adm-1234567890" }).error("refused sk-abcdefgh12345678", {
      authorization: "Bearer zzzzzzzz",
      prompt: "my diary",
    });
    expect(lines.join("")).not.toMatch(/adm-1234567890|abcdefgh12345678|zzzzzzzz|diary/);
  });
});

describe("a log for a terminal", () => {
  test("writes one line for a person", () => {
    const { log, lines } = capture({ terminal: true });
    log.info("ready", { url: "http://localhost:8080", part: "http" });
    const text = lines.join("");
    expect(text).toMatch(
      /^\[\d\d:\d\d:\d\d\] INFO: ready \{"url":"http:\/\/localhost:8080","part":"http"\}\n$/,
    );
  });
});
