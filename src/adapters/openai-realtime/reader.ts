import type { JsonObject } from "../../core/generation.ts";
import { completionTokens, NO_USAGE, plus, promptTokens, type Usage } from "../../core/usage.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { scrub } from "../failure/scrub.ts";
import { isObject, objectOf, parseJson, textOf } from "../json.ts";
import { unreadable } from "../openai-family/errors.ts";
import type { ClientFrame, RealtimeNews, RealtimeReader } from "../realtime-adapter.ts";
import { type Answer, Answers } from "./answers.ts";
import { weighFrame } from "./client-frame.ts";
import { Context } from "./context.ts";
import { SoundFormat } from "./sound-format.ts";
import { heardUsage, realtimeUsage } from "./usage.ts";

/** Frames that mean something here; all others pass unread. One that only quotes such a word is read and means nothing. */
const TELLING =
  /"(?:session\.created|session\.updated|response\.created|response\.done|error|conversation\.item\.input_audio_transcription\.(?:delta|completed|failed))"/;
const TRANSCRIPT = "conversation.item.input_audio_transcription";
const SAID_SOUND = /"response\.(?:output_)?audio\.delta"/;
const SAID_TEXT = /"response\.[a-z_.]{1,60}\.delta"/;
const ANSWER_ID = /"response_id"\s*:\s*"([^"\\]{1,256})"/;

/** So many times what was put in or given is no mistake of an estimate; beside it are tokens that were not seen here. */
const BEYOND = 4;
const OWN_TOKENS = 100_000;

const NOTHING: RealtimeNews = {};
const MASK = "***";
/** A shorter key is none: servers that want no key are given a word, which people say too. */
const LEAST_SECRET_CHARS = 8;

/** The reader of one conversation with OpenAI's Realtime API. */
export class OpenAiRealtimeReader implements RealtimeReader {
  readonly #answers = new Answers();
  readonly #sound = new SoundFormat();
  readonly #context = new Context(this.#sound);
  /** Of a transcript whose end was not told yet. */
  #transcriptChars = 0;
  #model: string | undefined;
  #failure: VendorFailure | undefined;

  constructor(
    readonly judge: (event: unknown) => VendorFailure | undefined,
    readonly secret: string,
  ) {}

  fromVendor(frame: string): RealtimeNews {
    const news = this.#newsIn(frame);
    const shown = news.shown ?? frame;
    if (this.secret.length < LEAST_SECRET_CHARS || !shown.includes(this.secret)) return news;
    return { ...news, shown: shown.replaceAll(this.secret, MASK) };
  }

  weigh(frame: string): ClientFrame {
    return weighFrame(frame);
  }

  sent(frame: ClientFrame): void {
    this.#context.add(frame);
    if (frame.asks > 0) this.#answers.ask(this.#context.put, frame.asks);
  }

  closed(code: number): VendorFailure {
    return this.#failure ?? closedBy(code);
  }

  shownReason(reason: string): string {
    return scrub(reason, this.secret);
  }

  pending(withAsked: boolean): Usage {
    const { running, asked } = this.#answers;
    const open = withAsked ? [...running, ...asked] : running;
    const sum = open.map((answer) => this.#context.estimate(answer)).reduce(plus, NO_USAGE);
    return this.#transcriptChars > 0 ? plus(sum, this.#context.transcript(this.#transcriptChars)) : sum;
  }

  get answers(): number {
    return this.#answers.count;
  }

  prompts(next?: ClientFrame): readonly number[] {
    const tokens = this.#context.mostTokens(next);
    const times = [...this.#answers.running, ...this.#answers.asked].map((answer) => answer.times);
    if (next !== undefined && next.asks > 0) times.push(next.asks);
    return times.length === 0 ? [tokens] : times.map((each) => tokens * each);
  }

  #newsIn(frame: string): RealtimeNews {
    if (!TELLING.test(frame)) {
      if (SAID_SOUND.test(frame)) return this.#say(frame, true);
      return SAID_TEXT.test(frame) ? this.#say(frame, false) : NOTHING;
    }
    const event = parseJson(frame);
    if (!isObject(event)) return NOTHING;
    switch (event.type) {
      case "session.created":
        this.#noteSession(event);
        return { begins: true };
      case "session.updated":
        return this.#noteSession(event);
      case "response.created":
        this.#answers.begin(textOf(objectOf(event.response)?.id), this.#context.put);
        return { answers: true };
      case "response.done":
        return this.#ended(event);
      case "error":
        return this.#failed(event);
      case `${TRANSCRIPT}.delta`:
        this.#transcriptChars += deltaChars(event);
        return NOTHING;
      case `${TRANSCRIPT}.completed`:
      case `${TRANSCRIPT}.failed`:
        return this.#transcribed(event);
      default:
        return SAID_TEXT.test(frame) ? this.#say(frame, SAID_SOUND.test(frame)) : NOTHING;
    }
  }

  #noteSession(event: JsonObject): RealtimeNews {
    this.#sound.note(event);
    const told = textOf(objectOf(event.session)?.model);
    if (told === undefined || told === this.#model) return NOTHING;
    const isAnother = this.#model !== undefined;
    this.#model = told;
    return isAnother ? { refusal: "The vendor went on as another model, which has another price." } : NOTHING;
  }

  #ended(event: JsonObject): RealtimeNews {
    const response = objectOf(event.response) ?? {};
    const answer = this.#answers.end(textOf(response.id));
    if (answer === "again") return NOTHING;
    const told = this.#believed(realtimeUsage(response.usage), answer);
    // Said nothing of it: what was delivered is what there is to go by.
    const usage = told ?? (wasGiven(answer, response) ? this.#context.estimate(answer) : undefined);
    if (usage === undefined) return NOTHING;
    // One outside of the conversation says nothing of how long that is.
    if (response.conversation_id !== null) this.#context.answered(usage, answer);
    return told === undefined ? { usage, isEstimated: true } : { usage };
  }

  /** Undefined where it is more than there can be: it would empty a balance. */
  #believed(told: Usage | undefined, answer: Answer | undefined): Usage | undefined {
    if (told === undefined) return undefined;
    const { times = 1, soundChars = 0, textChars = 0 } = answer ?? {};
    const read = this.#context.mostTokens() * times;
    const said = soundChars + textChars;
    const isTooMuch =
      promptTokens(told) > BEYOND * read + OWN_TOKENS || completionTokens(told) > BEYOND * said + OWN_TOKENS;
    return isTooMuch ? undefined : told;
  }

  #transcribed(event: JsonObject): RealtimeNews {
    const isWhole = event.type === `${TRANSCRIPT}.completed`;
    const told = isWhole ? this.#believed(heardUsage(event), undefined) : undefined;
    const usage = told ?? this.#context.transcript(textOf(event.transcript)?.length ?? 0);
    this.#context.transcribed();
    this.#transcriptChars = 0;
    if (!isWhole) return NOTHING;
    return told === undefined ? { usage, isEstimated: true } : { usage };
  }

  #failed(event: JsonObject): RealtimeNews {
    this.#answers.refuse();
    const failure = this.judge(event) ?? unreadable("error", "The vendor failed.");
    this.#failure = failure;
    const error = objectOf(event.error) ?? {};
    const message = textOf(error.message);
    if (message === undefined) return { failure };
    const shown = { ...event, error: { ...error, message: scrub(message, this.secret) } };
    return { failure, shown: JSON.stringify(shown) };
  }

  #say(frame: string, isSound: boolean): RealtimeNews {
    const answer = this.#answers.saying(ANSWER_ID.exec(frame)?.[1], this.#context.put);
    if (answer !== undefined && isSound) answer.soundChars += frame.length;
    else if (answer !== undefined) answer.textChars += deltaChars(parseJson(frame));
    return NOTHING;
  }
}

/** Whether an answer without a usage has cost something: one that failed before its first word has not. */
function wasGiven(answer: Answer | undefined, { status }: JsonObject): answer is Answer {
  if (answer === undefined) return false;
  return answer.soundChars + answer.textChars > 0 || (status !== "failed" && status !== "cancelled");
}

const deltaChars = (event: unknown): number =>
  isObject(event) && typeof event.delta === "string" ? event.delta.length : 0;

/** 3000 is a bad key, 4000 a model or a header that is not taken (recorded 2026-09); both come behind a 101. */
function closedBy(code: number): VendorFailure {
  const words = {
    status: 0,
    vendorCode: `close_${code}`,
    message: `The vendor closed the connection (${code}).`,
  };
  if (code === 3000) return { fault: "key", code: "vendor_rejected", ...words };
  if (code === 4000) return { fault: "config", code: "vendor_rejected", ...words };
  return { fault: "vendor", code: "vendor_unavailable", ...words };
}
