import { idOfSubjectToken, subjectToken } from "../../bus/subject.ts";
import { type NodeId, nodeId } from "../../core/ids.ts";

const USAGE = "usage.";

/** What the log keeps of the node's usage: one token below `usage`, so that notices are not kept with it. */
export const usageSubject = (node: NodeId): string => USAGE + subjectToken(node);

/** All that a log of usage takes. */
export const USAGE_SUBJECTS = `${USAGE}*`;

/** Who applies the node's usage has one place in the log, whichever process it is. */
export const applierName = (node: NodeId): string => `usage-${subjectToken(node)}`;

/** Where the node is told how far the ledger has its usage. */
export const noticeSubject = (node: NodeId): string => `${usageSubject(node)}.applied`;

/** Whose usage a subject of the log is. */
export const nodeOfSubject = (subject: string): NodeId =>
  nodeId(idOfSubjectToken(subject.slice(USAGE.length)));
