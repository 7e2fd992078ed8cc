import { z } from "zod";

/** `server.cors`: pages of which origins may call the client API from a browser. */

const MESSAGE =
  "must be an origin such as https://app.example.com or http://localhost:5173, all below one (https://*.example.com), or *";
const ANY_BELOW = "//*.";

/** A browser's `Origin` is compared with it sign by sign, so it must be written as browsers write it. */
export const allowedOrigin = z.string().refine((text) => text === "*" || isOrigin(text), MESSAGE);

export const corsSchema = z
  .strictObject({
    origins: z
      .array(allowedOrigin)
      .min(1)
      .describe("Whose pages may call the client API. `*`: everybody's, which still need a key."),
  })
  .describe("Absent: browsers let no page of another origin call the gateway.");

function isOrigin(text: string): boolean {
  const one = text.replace(ANY_BELOW, "//any.");
  if (!/^https?:\/\/[^/]+$/.test(one) || !URL.canParse(one)) return false;
  // An address has nothing below it, and a star stands for whole parts of a name at its beginning only.
  return new URL(one).origin === one && !one.includes("*");
}
