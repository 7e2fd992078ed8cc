import { MODES } from "../midjourney/is-midjourney.ts";
import { SUBMISSIONS, type SubmissionName, SWAP } from "../midjourney/submission.ts";
import { type Description, json, ref } from "./description.ts";

/** midjourney-proxy's protocol, once for each speed that a path can name. */

const REFUSALS = {
  402: "Too few points, or the key's budget is used up.",
  409: "The Idempotency-Key came with another request before, or its first request still runs.",
  429: "A limit of the tenant, the key, the model or this node is reached.",
} as const;

const SUMMARIES: Readonly<Record<SubmissionName | typeof SWAP, string>> = {
  imagine: "A picture out of words, and pictures beside them; by any model",
  change: "Enlarge, vary or do again (UPSCALE, VARIATION, REROLL)",
  "simple-change": "The same, as `<taskId> U2`",
  action: "Press one of a task's buttons",
  modal: "Confirm what a task waits for (MODAL)",
  blend: "Two to five pictures into one",
  describe: "Words for a picture",
  shorten: "What of a prompt counts",
  edits: "Change a picture by words; by any model that edits",
  edit: "The same under its other name",
  retexture: "A picture's shape in another material",
  [SWAP]: "One face in place of another",
};

const submission = (root: string, name: SubmissionName | typeof SWAP): Description => ({
  method: "post",
  path: `${root}/${name === SWAP ? name : `submit/${name}`}`,
  tag: "Midjourney",
  summary: SUMMARIES[name],
  description:
    "A task, charged once when it succeeds. The model is `model`, else `niji` for that bot and `midjourney`, if they are there, else the first that can. Refusals of the request are told by `code` in a 200: 3 not found, 4 invalid, 9 failed, 24 banned.",
  access: "client",
  headers: {
    "Idempotency-Key":
      "The same key and body within 24 hours are one task and one charge, also after a lost connection.",
  },
  body: ref("MidjourneySubmission"),
  answers: { 200: json("What became of it; `result` is the task.", "MidjourneyResult"), ...REFUSALS },
});

const callsAt = (root: string): readonly Description[] => [
  ...SUBMISSIONS.map((name) => submission(root, name)),
  submission(root, SWAP),
  {
    method: "post",
    path: `${root}/submit/upload-discord-images`,
    tag: "Midjourney",
    summary: "Keep pictures here; `result` lists their links",
    access: "client",
    body: ref("MidjourneySubmission"),
    answers: { 200: json("The links.", "MidjourneyResult") },
  },
  {
    method: "get",
    path: `${root}/task/{id}/fetch`,
    tag: "Midjourney",
    summary: "A task; `null` where there is none",
    access: "client",
    answers: { 200: json("The task.", "MidjourneyTask") },
  },
  {
    method: "get",
    path: `${root}/task/{id}/image-seed`,
    tag: "Midjourney",
    summary: "The seed of a picture that Midjourney made",
    access: "client",
    answers: { 200: json("The seed in `result`.", "MidjourneyResult"), ...REFUSALS },
  },
  {
    method: "post",
    path: `${root}/task/{id}/cancel`,
    tag: "Midjourney",
    summary: "Cancel a task, where its vendor can",
    access: "client",
    answers: { 200: json("It is to be cancelled.", "MidjourneyResult") },
  },
  ...["list-by-condition", "list-by-ids"].map(
    (name): Description => ({
      method: "post",
      path: `${root}/task/${name}`,
      tag: "Midjourney",
      summary: "Several tasks, at most 100",
      access: "client",
      body: ref("MidjourneyIds"),
      answers: { 200: json("Those that there are, in the order of the ids.", "MidjourneyTasks") },
    }),
  ),
  ...["list", "queue"].map(
    (name): Description => ({
      method: "get",
      path: `${root}/task/${name}`,
      tag: "Midjourney",
      summary: name === "list" ? "The latest tasks, at most 100" : "Those of the latest that have not ended",
      access: "client",
      answers: { 200: json("The tasks.", "MidjourneyTasks") },
    }),
  ),
];

export const MIDJOURNEY_CALLS: readonly Description[] = [
  "/mj",
  ...MODES.map((mode) => `/mj-${mode}/mj`),
].flatMap(callsAt);
