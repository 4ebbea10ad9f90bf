import { X509Certificate } from 'node:crypto'

// Made once with OpenSSL 3.0, for tests only: self-signed certificates and their private keys (PKCS #8).

/** RSA, 2048 bits, valid from 2024 to 2100. */
export const RSA_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIICuzCCAaMCFDrZpDas9q2Ldwr5NnLhy8288xFxMA0GCSqGSIb3DQEBCwUAMBkx
FzAVBgNVBAMMDlJTQSB1bnRpbCAyMTAwMCAXDTI0MDEwMTAwMDAwMFoYDzIxMDAw
MTAxMDAwMDAwWjAZMRcwFQYDVQQDDA5SU0EgdW50aWwgMjEwMDCCASIwDQYJKoZI
hvcNAQEBBQADggEPADCCAQoCggEBAJxSHWB98yqeTrzMY1CqeYT23U0lrqJSvGnH
dvBmmdE1H6QC1tw0fUrWxjsh2/SfsJx8LYg6wbZE8HOSrXP/rmUYahkCsNzFd9A+
oMObEyMtJyZJG3/TDTL7gkDH6LVJGtY6hp5q8lleBkkMJomzVs4VrT5xYcjygN1/
S+9fFPfZUVR4NT1yONxGw93swXhbqzgc9DLr1P36qMJmBgmvwArHMFMFC41zoFaj
LLS/aWHjgwscUZG9QDTej+/mLM+de4e2FL1jIbKa+MIYVs0mPC3fOASzgbNvBcdK
xolIcZllM2e7v9gUmEDdbakp0160lbd8w5xn67Yk14i9Oq1yPG8CAwEAATANBgkq
hkiG9w0BAQsFAAOCAQEAZevpIYk3xN8UPPLZlGs2rzwe+smLdc6OihoV08hMx6Yt
c/MSwGPX6ZJi3imMOQuCLgL5/4ada9/O15kq2bcMakyjT6BSP7KLoEiuT1KY6rve
qgzSTYgTc384FrB9NIMQm6STWQGGJqmGxOjj0CpaDSGk3MjZWCysmDH2PgIp1+c9
Qp/0NfXdfNlRh3TnFJDmFLft/PvzZ1/8Qop9qgA+VEmjIDJWyC+tYb4fCHcFRAQg
orGYcOGglNbu4o/BAd4gb/zmtj555BCz3eSM+Oy2GHhi/L/SCanQUpUsS0oFxcps
HXn1cWGo8Q9ITSEEr+jP5xCcpHPQIqz3fgI8oow21Q==
-----END CERTIFICATE-----
`

export const RSA_CERTIFICATE_KEY = `-----BEGIN PRIVATE KEY-----
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCcUh1gffMqnk68
zGNQqnmE9t1NJa6iUrxpx3bwZpnRNR+kAtbcNH1K1sY7Idv0n7CcfC2IOsG2RPBz
kq1z/65lGGoZArDcxXfQPqDDmxMjLScmSRt/0w0y+4JAx+i1SRrWOoaeavJZXgZJ
DCaJs1bOFa0+cWHI8oDdf0vvXxT32VFUeDU9cjjcRsPd7MF4W6s4HPQy69T9+qjC
ZgYJr8AKxzBTBQuNc6BWoyy0v2lh44MLHFGRvUA03o/v5izPnXuHthS9YyGymvjC
GFbNJjwt3zgEs4GzbwXHSsaJSHGZZTNnu7/YFJhA3W2pKdNetJW3fMOcZ+u2JNeI
vTqtcjxvAgMBAAECggEAIkfPsW1tehclZTndPb9kzsfkWBq/ZVGHiBr59lZJvRtN
SQZmX/wSzeqzphwSxF6QuIBy68EW4gXURUQRTbLwZ7Mm8T0p1ABp+f0B/GNxmvE3
+KlnomyCJIALXHF6kubpP7mt8+e4Jej8r+A+Q0xU6PTP/TWYIB0uLWTRHjlXu9JQ
ykDVJuCLgQZCWxcubqGN9h8HgrjoLSfwOkFUC7m9xG/9+3gxOcWWkdqc40jpbxkI
ld5IacX+yYdlJfbiSXqAmcmz9nkwEXbKlLqiJO9kwZoh4oqn3ud95/0wojCB4nQt
/Z+U7EB+Pth7OA8KgBhiLJ8bjFJ0H3XZxaqLHIMCQQKBgQDIP7Dc96ZrclRIjzdz
15f8dax5kXUF1e4hdKKtKIEpXeRIjYW26Bj3NtxzGc9Kola0S1OlOWYyxc8fi07k
nSF8aySvYVB+XQhnlhwln+7DrSTYbibDUiIhkAJv54TNP1qB/zD7KlJ8ONdBLIQX
YQg7uRfPiGOgaEVwxbbJ7WpDBwKBgQDH14vcqN/H+I6+QhHUVCvWzr93QDNtOQEa
m+VvTfLIlSD98JCPiM3dgKecgGaqrrDv1Bw1W26gSa/GOXv9KjSRPU1ABY4jwAox
xu52AvAw4RPNA/rICtCL4CkMeNi7BxIGF5MPIzlEA6Ea4O05MSKoIv5sEqCbo8O8
DmbTzdDZWQKBgA4sq/lIMmiCpEKqmJNDnIeLUNUeHbl3Bi8qEWXOay4hbkpQcjmb
PkEpifs/xXOUAC0s89PLN1e6tsmV09TM5pTnBKbBbbA0J6clcgKbyovhUq1bRrUm
uDHF/tYq/jSFGoP/K1lsCoCuiVYcr5D0FmAb3vqaveqZ1uh/pkuu2Ym7AoGAJ+yr
F4Fxe7zvn5kJgNb0Dy0s2UEtRQPfcZZ1pt/2whXxCmqWJubY4gjC86Q/XpgZ50AE
BrDmkAVIpZx0ZeaZq+6IUWMKu5+xKbKpj1AU9l7xGsNRxcdLVLaK3OADxJGsCyWI
jrylwy3KcNlA620ilF6xX5v1FEMKZral2mjC8bkCgYBTk3+wbqGBBJxnH1/NlW1d
UMMB8xKwmb5QR++JfXqrrnJL0rtolsYgDp0otUg2ofokcSi65jBj8DT60BNkT8tK
YOymmbrKdtHFSEnDp04PMTp6mo1gQAguPkaf+mKt2UhBxdV19Kligp6eCytcWPa8
AXYYkvvmoArhnEC8Hj/tNQ==
-----END PRIVATE KEY-----
`

/** P-256, valid from 2024 to 2100. */
export const EC_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBMjCB2QIUTZeIsz5WcIgIihiCD0C82oeJRJcwCgYIKoZIzj0EAwIwGzEZMBcG
A1UEAwwQUC0yNTYgdW50aWwgMjEwMDAgFw0yNDAxMDEwMDAwMDBaGA8yMTAwMDEw
MTAwMDAwMFowGzEZMBcGA1UEAwwQUC0yNTYgdW50aWwgMjEwMDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABF8OjHPJ55+SIDqhCvKU98TiqaOzDVRjFWQp5CVU3ZZK
TdJtpWrrHVzrfEUtC1LemYxpmXI0a/ke+aa/S+jcwKcwCgYIKoZIzj0EAwIDSAAw
RQIgJwgwkR/5i9rEY4gU7wjLWkvfywuUc+s5ROaz+z7aoCwCIQDJdCWLqr7xGuD3
dWDton+iw3Qmuu4MlJPytqCpbIsMVA==
-----END CERTIFICATE-----
`

export const EC_CERTIFICATE_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeYYSQipZ9S2c8ICr
9cr51V5zz4AK8J2vMkxgtlXm0AahRANCAARfDoxzyeefkiA6oQrylPfE4qmjsw1U
YxVkKeQlVN2WSk3SbaVq6x1c63xFLQtS3pmMaZlyNGv5Hvmmv0vo3MCn
-----END PRIVATE KEY-----
`

/** P-256, valid in 2020 only. */
export const EXPIRED_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBLTCB1QIUDFoPIuhDpBai7Weh0wdZ6M8/huMwCgYIKoZIzj0EAwIwGjEYMBYG
A1UEAwwPRXhwaXJlZCBpbiAyMDIxMB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAw
MDAwMFowGjEYMBYGA1UEAwwPRXhwaXJlZCBpbiAyMDIxMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAE9g//F961YWnEZBCQaIX0Iw3B2ZRPXmU5xJm//CLCoIlEQtYQ
oyR/pXECViZ25FmWLItZ3Bx0mc0w7AM2/KwTWzAKBggqhkjOPQQDAgNHADBEAiBR
1/o9mAjdwzIs5sO4hR4d27QstZeRxCVf1xnwSL4xhwIgRrs3+3WnPIl/ZdhKUTCh
0UBSBRxGR9p9jKq+qjq/X7Q=
-----END CERTIFICATE-----
`

export const EXPIRED_CERTIFICATE_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUu+/U17fSfuYAGHg
8FLG/BxpvaYhMBzjS0cYN6vU+myhRANCAAT2D/8X3rVhacRkEJBohfQjDcHZlE9e
ZTnEmb/8IsKgiURC1hCjJH+lcQJWJnbkWZYsi1ncHHSZzTDsAzb8rBNb
-----END PRIVATE KEY-----
`

/** P-256, valid from 2024 to 2100, with an empty subject; the key is `EC_CERTIFICATE_KEY`. */
export const NAMELESS_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIH8MIGjAhQznZ4ya1lMx7JbSYEHzhn7ofdCBDAKBggqhkjOPQQDAjAAMCAXDTI0
MDEwMTAwMDAwMFoYDzIxMDAwMTAxMDAwMDAwWjAAMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAEXw6Mc8nnn5IgOqEK8pT3xOKpo7MNVGMVZCnkJVTdlkpN0m2lausd
XOt8RS0LUt6ZjGmZcjRr+R75pr9L6NzApzAKBggqhkjOPQQDAgNIADBFAiAEyXFA
1acqtNQJ1oMO4WMFbJF5M7DAODIzlJZAlJMRAgIhAPkicCkd/k2eUpCdoDlVhpK0
dhGtNcM6d1XkbJOFLDST
-----END CERTIFICATE-----
`

/** The same certificate, but its end is no date. Of one whose dates are both UTCTime of 13 characters: before 2050. */
export function withoutEnd(pem: string): string {
  const { raw } = new X509Certificate(pem)
  const utcTime = Buffer.from([0x17, 0x0d])
  raw.write('99', raw.indexOf(utcTime, raw.indexOf(utcTime) + 1) + 4) // The month.
  return `-----BEGIN CERTIFICATE-----\n${raw.toString('base64')}\n-----END CERTIFICATE-----`
}

/** The same certificate with another public key, as SPKI; nobody has signed that. */
export function withPublicKey(pem: string, spki: Buffer): string {
  const certificate = new X509Certificate(pem)
  const [tbs = Buffer.alloc(0), ...rest] = membersOf(certificate.raw)
  const known = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const changed = membersOf(tbs).map((member) => (member.equals(known) ? spki : member))
  return toPem(sequence([sequence(changed), ...rest]))
}

/** The key of no number: the point at infinity of P-256, as SPKI. */
export const POINT_AT_INFINITY = Buffer.from('3019301306072a8648ce3d020106082a8648ce3d03010703020000', 'hex')

export function toPem(der: Buffer, label = 'CERTIFICATE'): string {
  return `-----BEGIN ${label}-----\n${der.toString('base64')}\n-----END ${label}-----`
}

/** Of a DER sequence, each with tag and length. */
function membersOf(der: Buffer): Buffer[] {
  const members: Buffer[] = []
  for (let at = headerLength(der, 0); at < der.length; ) {
    const end = at + headerLength(der, at) + contentLength(der, at)
    members.push(der.subarray(at, end))
    at = end
  }
  return members
}

function headerLength(der: Buffer, at: number): number {
  const first = der.readUInt8(at + 1)
  return first < 128 ? 2 : 2 + (first - 128)
}

function contentLength(der: Buffer, at: number): number {
  const bytes = headerLength(der, at) - 2
  return bytes === 0 ? der.readUInt8(at + 1) : der.readUIntBE(at + 2, bytes)
}

function sequence(members: readonly Buffer[]): Buffer {
  const content = Buffer.concat(members)
  return Buffer.concat([Buffer.from([0x30, 0x82, content.length >> 8, content.length & 255]), content])
}
