import pino, { type Logger } from "pino";
import { prettyFactory } from "pino-pretty";
import { scrubFields, scrubText } from "./redaction.ts";

/**
 * What happened, for the operator. Fields are scrubbed of keys, prompts and answers before they are written
 * (`redaction.ts`); still, do not pass what you would not want to see.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries these fields too. */
  child(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LogOptions {
  /** True: one coloured line each for a person. False: one JSON object a line for a machine. */
  readonly terminal: boolean;
  readonly level?: LogLevel;
  /** Where lines go; absent: standard output. Synchronous, so that the last line before a crash is there. */
  readonly destination?: { write(line: string): void };
}

export function createLog(options: LogOptions): Log {
  const destination = options.destination ?? process.stdout;
  const format = options.terminal ? prettifier(options.destination === undefined) : (line: string) => line;
  const logger = pino(
    {
      level: options.level ?? "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "message",
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void destination.write(format(line)) },
  );
  return logOf(logger);
}

/** Says nothing: for tests that do not look at the log. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

const prettifier = (colorize: boolean): ((line: string) => string) =>
  prettyFactory({
    colorize,
    singleLine: true,
    messageKey: "message",
    translateTime: "SYS:HH:MM:ss",
    // Keeps an error on the line, too.
    errorLikeObjectKeys: [],
  });

function logOf(logger: Logger): Log {
  const write = (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
    if (!logger.isLevelEnabled(level)) return;
    if (fields === undefined) logger[level](scrubText(message));
    else logger[level](scrubFields(fields), scrubText(message));
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (fields) => logOf(logger.child(scrubFields(fields))),
  };
}
