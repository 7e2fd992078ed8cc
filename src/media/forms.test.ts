import { expect, test } from "bun:test";
import { mediaId, tenantId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { createForms, MOST_AT_ONCE_PER_TENANT } from "./forms.ts";
import type { StoredMedia } from "./media.ts";
import type { Objects } from "./objects.ts";
import type { MediaRows } from "./rows.ts";

const media = (hash: string, tenant = "acme"): StoredMedia => ({
  id: mediaId(`med_${hash}`),
  tenant: tenantId(tenant),
  hash,
  contentType: "image/png",
  bytes: 1,
  width: 1,
  height: 1,
  source: "result",
  name: undefined,
  createdAt: 0,
  expiresAt: 1,
});
const form = { format: "webp", width: 8, quality: 80 } as const;

/** Conversions that wait until they are let go, over a store that keeps nothing. */
function held() {
  const open = Promise.withResolvers<void>();
  let conversions = 0;
  const forms = createForms({
    store: { bytes: async () => new Uint8Array(1) },
    rows: {
      variant: async () => undefined,
      variants: async () => 0,
      addVariant: async () => true,
    } as unknown as MediaRows, // no more is asked of it
    objects: { put: async () => {} } as unknown as Objects, // as above
    pictures: {
      sizeOf: async () => undefined,
      async convert() {
        conversions += 1;
        await open.promise;
        return Uint8Array.of(7);
      },
    },
    log: silentLog,
  });
  return { forms, open: open.resolve, conversions: () => conversions };
}

test("who asks for the same in the meantime gets the same, made once", async () => {
  const { forms, open, conversions } = held();
  const works = [1, 2, 3].map(() => forms.read(media("a"), form));
  const other = forms.read(media("a"), { ...form, width: 9 });
  open();
  for (const { bytes } of await Promise.all([...works, other])) expect([...bytes]).toEqual([7]);
  expect(conversions()).toBe(2);
  await forms.read(media("a"), form);
  expect(conversions()).toBe(3);
});

test("one tenant's links do not take all turns", async () => {
  const { forms, open } = held();
  const works = Array.from({ length: MOST_AT_ONCE_PER_TENANT }, (_, index) =>
    forms.read(media(String(index)), form),
  );
  await expect(forms.read(media("more"), form)).rejects.toMatchObject({ code: "rate_limit_exceeded" });
  const other = forms.read(media("others", "other"), form);
  open();
  await Promise.all([...works, other]);
  expect([...(await forms.read(media("more"), form)).bytes]).toEqual([7]);
});
