import type { JsonObject } from "../../core/generation.ts";
import { objectOf, textOf } from "../json.ts";

/** Base64 characters of a second of sound: 24 kHz of 16 bits, or 8 kHz of 8 as telephones have it. */
const PCM_CHARS_A_SECOND = 64_000;
const PHONE_CHARS_A_SECOND = 10_667;
/** A token is 100 ms of what is heard and 50 ms of what is said. */
export const HEARD_TOKENS_A_SECOND = 10;
const SAID_TOKENS_A_SECOND = 20;

/** How long the sound of a conversation is, by its length in base64: each side has a form of its own. */
export class SoundFormat {
  #heard = PCM_CHARS_A_SECOND;
  #said = PCM_CHARS_A_SECOND;

  /** What `session.created` and `session.updated` say of it; what they leave out stays. */
  note({ session }: JsonObject): void {
    const audio = objectOf(objectOf(session)?.audio) ?? {};
    this.#heard = charsASecond(audio.input) ?? this.#heard;
    this.#said = charsASecond(audio.output) ?? this.#said;
  }

  heardTokens(chars: number): number {
    return (chars / this.#heard) * HEARD_TOKENS_A_SECOND;
  }

  saidTokens(chars: number): number {
    return (chars / this.#said) * SAID_TOKENS_A_SECOND;
  }
}

function charsASecond(side: unknown): number | undefined {
  const format = objectOf(side)?.format;
  const type = textOf(objectOf(format)?.type) ?? textOf(format);
  if (type === undefined) return undefined;
  return /pcm[ua]|g711/.test(type) ? PHONE_CHARS_A_SECOND : PCM_CHARS_A_SECOND;
}
