import type { Answer, Description } from "./description.ts";

/** How every call of a kind can be refused; what a call says of a status itself comes first. */
export function usualRefusals({
  access,
  body,
  bodies,
  parameters,
}: Description): Readonly<Record<number, Answer>> {
  if (access === "public") return {};
  const hasBody = body !== undefined || bodies !== undefined;
  return {
    ...(!hasBody && parameters === undefined ? {} : { 400: "The request cannot be read." }),
    ...(!hasBody ? {} : { 413: "The body is too long." }),
    ...REFUSALS_OF_ACCESS[access],
    503: "The ledger cannot be reached at the moment.",
  };
}

const REFUSALS_OF_ACCESS = {
  admin: {
    401: "There is no valid admin key or token.",
    403: "The token lacks the permission.",
  },
  client: {
    401: "There is no valid key.",
    403: "The key may not do this, or not from this address.",
  },
} as const;
