import { parseJson } from "../json.ts";
import type { MediaAnswer } from "../media-adapter.ts";

/** The body's value; undefined when it is not JSON. */
export const jsonIn = ({ body }: Pick<MediaAnswer, "body">): unknown =>
  parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
