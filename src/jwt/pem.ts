const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The certificates in PEM text, each by itself; undefined where there is none, or something else that begins. */
export function findCertificateBlocks(pem: string): string[] | undefined {
  const blocks = pem.match(PEM_CERTIFICATE) ?? []
  return blocks.length > 0 && blocks.length === pem.split('-----BEGIN ').length - 1 ? blocks : undefined
}
