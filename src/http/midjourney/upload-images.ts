import type { RequestId } from "../../core/ids.ts";
import type { Caller } from "../../gateway/gateway.ts";
import { asBody, invalid } from "../../gateway/requests/fields.ts";
import type { MediaStore } from "../../media/media.ts";
import { parseJson, readBody } from "../body.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { CODES } from "./errors.ts";
import { picturesIn } from "./pictures.ts";

export interface UploadImagesPorts {
  readonly store: Pick<MediaStore, "keep" | "link">;
  readonly idempotency: Idempotency;
  readonly bodyLimitBytes: number;
}

/** Keeps pictures here instead of at Discord; answers signed links, in the order in which they came. */
export async function uploadImages(
  { store, idempotency, bodyLimitBytes }: UploadImagesPorts,
  request: Request,
  { tenant }: Caller,
  id: RequestId,
): Promise<Response> {
  const bytes = await readBody(request, bodyLimitBytes);
  return runOnce(idempotency, request, { tenant, id, print: bytes }, async () => {
    const pictures = picturesIn(asBody(parseJson(bytes)));
    if (pictures.length === 0) throw invalid("base64Array", "must hold a picture");
    const base = new URL(request.url).origin;
    const links: string[] = [];
    for (const picture of pictures) {
      if (picture.kind === "url") throw invalid("base64Array", "must be pictures in base64");
      links.push(store.link(await store.keep(tenant, picture.bytes, { source: "upload" }), base));
    }
    const description = "Upload success";
    return Response.json({ code: CODES.submitted, description, result: links, properties: {} });
  });
}
