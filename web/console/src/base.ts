/**
 * Where the console is mounted: `/console`, or `/billing/credits/console` inside a host app.
 *
 * The server writes `<base href>` into the page, so the browser's own base address is the one source for
 * the router, for the API and for the live socket. Nothing else in the console may build an absolute path.
 */

/** The path under which the router works, without a slash at its end (`''` when mounted at the root). */
export function basePath(baseUri: string = document.baseURI): string {
  return new URL('.', baseUri).pathname.replace(/\/$/, '')
}

/** The address of livecredits itself: the folder that holds the console, with a slash at its end. */
export function serverUrl(baseUri: string = document.baseURI): URL {
  return new URL('..', new URL('.', baseUri))
}
