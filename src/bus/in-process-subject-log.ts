import type { LogMessage, SubjectLog } from "./subject-log.ts";

export interface InProcessSubjectLog extends SubjectLog {
  /** Forgets a subject, as a log does that is full or too old. */
  forget(subject: string): void;
  /** While set: what becomes of an append instead, before or after it was taken. */
  trouble: { readonly when: "before" | "after"; readonly error: Error } | undefined;
}

/** Messages of one subject; a bound against a test that runs away. */
const KEPT = 100_000;
const MAX_BYTES = 1024 * 1024;

/** A log for nodes that share one process: what tests stand on. */
export function createInProcessSubjectLog(): InProcessSubjectLog {
  const subjects = new Map<string, LogMessage[]>();
  let lastNumber = 0;
  const log: InProcessSubjectLog = {
    maxBytes: MAX_BYTES,
    trouble: undefined,
    async append(subject, message, after) {
      const { trouble } = log;
      if (trouble?.when === "before") throw trouble.error;
      const messages = subjects.get(subject) ?? [];
      if ((messages.at(-1)?.number ?? 0) !== after) return undefined;
      if (messages.length >= KEPT) throw new Error(`${subject} holds ${KEPT} messages`);
      lastNumber += 1;
      messages.push({ number: lastNumber, message: message.slice() });
      subjects.set(subject, messages);
      if (trouble !== undefined) throw trouble.error;
      return lastNumber;
    },
    last: async (subject) => subjects.get(subject)?.at(-1),
    next: async (subject, after) => subjects.get(subject)?.find(({ number }) => number > after),
    forget: (subject) => void subjects.delete(subject),
  };
  return log;
}
