import type { SluiceError } from "../core/errors.ts";

/** What a turn answers with: the reply, or the promise of one. */
export type Answer<Reply> = Reply | Pending<Reply>;

/** An answer that is not there yet. Only the first of its two calls counts. */
export class Pending<Reply> {
  readonly promise: Promise<Reply>;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    // Nobody may be listening: an effect that is not anyone's answer, a caller that has given up.
    promise.catch(() => {});
  }

  answer(answer: Answer<Reply>): void {
    if (answer instanceof Pending) answer.promise.then(this.#resolve, this.#reject);
    else this.#resolve(answer);
  }

  refuse(error: SluiceError): void {
    this.#reject(error);
  }
}
