import { IMAGE_TOKENS } from "../../core/limits.ts";
import { compact, completionTokens, NO_USAGE, promptTokens, type Usage } from "../../core/usage.ts";
import type { ClientFrame } from "../realtime-adapter.ts";
import type { Answer, Put } from "./answers.ts";
import type { SoundFormat } from "./sound-format.ts";

/** Text has about 4 characters a token, and never fewer than 2 bytes. */
const CHARS_PER_TOKEN = 4;
const FEWEST_BYTES_PER_TOKEN = 2;
/** A picture of 1,024 × 1,024 at OpenAI; held for is the most that any vendor counts. */
const LIKELY_IMAGE_TOKENS = 765;

/** What a conversation's next answer reads: what the last one used, and what was put in since. */
export class Context {
  #put: Put = { typedBytes: 0, heardTokens: 0, images: 0 };
  /** What of it the last answer has read. */
  #read = this.#put;
  #last: Usage = NO_USAGE;
  /** Heard when a transcript was told last. */
  #writtenDown = 0;

  constructor(readonly sound: SoundFormat) {}

  get put(): Put {
    return this.#put;
  }

  add(frame: ClientFrame): void {
    this.#put = this.#with(frame);
  }

  /** An answer of the conversation is over. */
  answered(usage: Usage, answer: Answer | undefined): void {
    this.#last = usage;
    this.#read = answer?.put ?? this.#put;
  }

  /** What an answer has used by all that is known: it reads all that came before it. */
  estimate({ put, times, soundChars, textChars }: Answer): Usage {
    const { input, cachedInput, audioInput = 0, imageInput = 0 } = this.#last;
    const typed = Math.ceil(Math.max(0, put.typedBytes - this.#read.typedBytes) / CHARS_PER_TOKEN);
    const images = Math.max(0, put.images - this.#read.images) * LIKELY_IMAGE_TOKENS;
    const heard = Math.ceil(Math.max(0, put.heardTokens - this.#read.heardTokens));
    return compact({
      ...NO_USAGE,
      input: (input + completionTokens(this.#last) + typed) * times,
      cachedInput: cachedInput * times,
      audioInput: (audioInput + heard) * times,
      imageInput: (imageInput + images) * times,
      output: Math.ceil(textChars / CHARS_PER_TOKEN),
      audioOutput: Math.ceil(this.sound.saidTokens(soundChars)),
    });
  }

  /** The most tokens that an answer reads, with a frame that is yet to be sent. */
  mostTokens(next?: ClientFrame): number {
    const { typedBytes, heardTokens, images } = next === undefined ? this.#put : this.#with(next);
    return (
      promptTokens(this.#last) +
      completionTokens(this.#last) +
      Math.ceil((typedBytes - this.#read.typedBytes) / FEWEST_BYTES_PER_TOKEN) +
      Math.ceil(heardTokens - this.#read.heardTokens) +
      (images - this.#read.images) * IMAGE_TOKENS
    );
  }

  /** A transcript of what was heard since the last one, by its length alone. */
  transcript(chars: number): Usage {
    return compact({
      ...NO_USAGE,
      audioInput: Math.ceil(Math.max(0, this.#put.heardTokens - this.#writtenDown)),
      output: Math.ceil(chars / CHARS_PER_TOKEN),
    });
  }

  transcribed(): void {
    this.#writtenDown = this.#put.heardTokens;
  }

  #with(frame: ClientFrame): Put {
    return {
      typedBytes: this.#put.typedBytes + frame.typedBytes,
      heardTokens: this.#put.heardTokens + this.sound.heardTokens(frame.heardChars),
      images: this.#put.images + frame.images,
    };
  }
}
