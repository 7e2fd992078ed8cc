import type { Caller } from "../../gateway/gateway.ts";
import { asBody, invalid } from "../../gateway/requests/fields.ts";
import type { MediaStore } from "../../media/media.ts";
import { parseJson, readBody } from "../body.ts";
import { CODES } from "./errors.ts";
import { picturesIn } from "./pictures.ts";

/** Keeps pictures here instead of at Discord; answers signed links, in the order in which they came. */
export async function uploadImages(
  {
    store,
    bodyLimitBytes,
  }: { readonly store: Pick<MediaStore, "keep" | "link">; readonly bodyLimitBytes: number },
  request: Request,
  { tenant }: Caller,
): Promise<Response> {
  const pictures = picturesIn(asBody(parseJson(await readBody(request, bodyLimitBytes))));
  if (pictures.length === 0) throw invalid("base64Array", "must hold a picture");
  const base = new URL(request.url).origin;
  const links: string[] = [];
  for (const picture of pictures) {
    if (picture.kind === "url") throw invalid("base64Array", "must be pictures in base64");
    links.push(store.link(await store.keep(tenant, picture.bytes, { source: "upload" }), base));
  }
  return Response.json({
    code: CODES.submitted,
    description: "Upload success",
    result: links,
    properties: {},
  });
}
