export const MAX_ID_LENGTH = 200
export const MAX_NAME_LENGTH = 1000

/** Ids that a file system, a URL, a shell, a database or a JavaScript object may take for something else. */
export const ODD_IDS: readonly string[] = [
  ...words(
    '. .. ... / // ../.. ../../etc/passwd /etc/passwd a/b a/b/ a//b a/../b ./a .hidden a. a.. a.json a.toml .json',
  ),
  ...words(
    '\\ ..\\..\\x C: C:\\x a\\b \\\\host\\share a.json.tmp a.lock .lock a~ ~ ~root -rf -- #a# % %% %2e%2e%2f %2F a%20b',
  ),
  ...words(
    'a+b a&b=c#d?e https://idp.example/a?b=c#d https://idp.example/ urn:a:b [a] {a} * ? | : _ a_b aXb $HOME $(id)',
  ),
  ...words(
    '"quoted" it\'s `id` <script> CON con NUL nul.json aux PRN COM1 LPT1.toml CONIN$ null undefined true 0 -0 1e3',
  ),
  ...words(
    '__proto__ constructor prototype toString hasOwnProperty é e\u0301 É ß ss SS ẞ i I ı İ ﬁ fi Ω \u2126 K k \u212A',
  ),
  ...words('日本語 \u{1F600} \u{1D4B3} \uFF21 A a ａ ſ s S Ç ç あ ア ｱ ﾊﾝｶｸ'),
  ...['a b', 'a  b', "'; DROP TABLE x; --"],
]
export const LONG_IDS: readonly string[] = [
  ...words('x X / % . é 日').map((character) => character.repeat(MAX_ID_LENGTH)),
  '\u{1F600}'.repeat(MAX_ID_LENGTH / 2),
  'x'.repeat(MAX_ID_LENGTH - 1),
  `${'x'.repeat(MAX_ID_LENGTH - 1)}y`,
  `${'x'.repeat(MAX_ID_LENGTH - 1)}Y`,
  `y${'x'.repeat(MAX_ID_LENGTH - 1)}`,
]
/** Neither ids nor names: empty, with white space around them, with invisible characters, or not well-formed. */
export const REFUSED_TEXTS: readonly string[] = [
  ...['', ' ', ' a', 'a ', '\u00A0a', 'a\n', 'a\u0000b', 'a\u007F', 'a\u200Bb', 'a\u2028b', 'a\uD800', '\uDC00a'],
]
export const NUMBERS: readonly number[] = [
  ...[0, 1, -1, 0.1, 1e-7, 1e21, 1.7976931348623157e308, 5e-324, 2 ** 53 - 1, -(2 ** 53), 123456789012345680000],
]
/** Values: a store takes each text, also one that its own notation gives a meaning. */
export const TEXTS: readonly string[] = [
  ...words(
    '\\ \\n \\u0041 " "" """ \' \'\'\' # = [a] null \u{1F600} é e\u0301 </script> $HOME {{a}} %s 2024-01-01 1e3',
  ),
  ...['', ' ', ' a ', '\n', '\r\n', '\t', '\u0001', '\u001B[31m', '\u007F', '\u0085', '\u2028', '\uFEFF'],
  ...['{A}', '{A:-b}', '{claims.a}', '{'].map((reference) => `$${reference}`),
  'x'.repeat(5000),
]
export const MEMBER_NAMES: readonly string[] = [
  ...words('a.b a-b A aB a_b https://idp.example/claims#a " \' \\ é 日 \u{1F600} 0 10 $ref'),
  ...words('constructor prototype toString id name revision updatedAt length'),
  ...['', ' ', 'a b', '\n'],
]

function words(text: string): string[] {
  return text.split(' ')
}
