/** Whether a URL's host is this machine itself: `localhost`, 127.0.0.0/8 or `[::1]`. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname)
}

/** The host of a URL as sockets and certificates name it: an IPv6 address is in brackets in a URL only (RFC 3986 §3.2.2). */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/**
 * What the URL parser would forgive, white space, missing or reversed slashes, and the braces and angle brackets of a template
 * that was not filled in, is taken for a mistake.
 */
const WRITTEN_URL = /^https?:\/\/[^/\s\\\p{Cc}][^\s\\\p{Cc}{}<>]*$/iu

/** An `https` URL, or `http` on loopback, without user info and fragment. */
export function isSecureUrl(text: string): boolean {
  return isWebUrl(text) && !isInsecure(new URL(text))
}

/** An `https` or `http` URL of any host, without user info and fragment. */
export function isWebUrl(text: string): boolean {
  if (!WRITTEN_URL.test(text) || !URL.canParse(text)) return false
  const { username, password } = new URL(text)
  return username === '' && password === '' && !text.includes('#')
}

/** Whether what is fetched from there can be changed on the way: `http`, and not on this machine itself. */
export function isInsecure(url: URL): boolean {
  return url.protocol !== 'https:' && !isLoopback(url)
}
