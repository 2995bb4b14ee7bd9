/**
 * Tokens of well-known services, told by their form. Each expression begins where no character of its
 * own can stand before it, and is bounded or ends in one run, so that no text makes it backtrack.
 */

/** Not inside of a longer run of such characters. */
const start = String.raw`(?<![A-Za-z0-9_-])`

const token = (body: string, flags = ''): RegExp => new RegExp(start + body, `g${flags}`)

const formats: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['AWS key id', token('(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Z0-9])')],
  [
    'AWS secret key',
    token(
      String.raw`(?:aws_?)?secret_?(?:access_?)?key["']?\s{0,3}[:=]\s{0,3}["']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])`,
      'i',
    ),
  ],
  ['GitHub token', token('gh[pousr]_[A-Za-z0-9]{36,255}')],
  ['GitHub token', token('github_pat_[A-Za-z0-9_]{22,255}')],
  ['GitLab token', token('glpat-[A-Za-z0-9_-]{20,64}')],
  ['API key', token('sk-(?:ant-|proj-|svcacct-|admin-|or-)?[A-Za-z0-9_-]{20,256}')],
  ['Slack token', token('xox[abeoprs]-[A-Za-z0-9-]{10,256}')],
  ['Slack webhook', /hooks\.slack\.com\/services\/[A-Za-z0-9/]{20,100}/g],
  ['Google API key', token('AIza[A-Za-z0-9_-]{35}')],
  ['Stripe key', token('[rs]k_(?:live|test)_[A-Za-z0-9]{16,256}')],
  ['npm token', token('npm_[A-Za-z0-9]{36}')],
  ['Hugging Face token', token('hf_[A-Za-z0-9]{30,64}')],
  ['SendGrid key', token(String.raw`SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}`)],
  [
    'JSON web token',
    token(String.raw`eyJ[A-Za-z0-9_-]{10,8192}\.eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,8192}`),
  ],
  ['password in a URL', /(?<=:\/\/)[^\s/:@"'<>]{1,64}:[^\s/@"'<>]{3,256}(?=@)/g],
]

const keyBegin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g
const keyEnd = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g

/** A whole run of base64, in either alphabet, of a length that a token may have in it. */
const base64Run = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}/g

/** What no text has and few other bytes lack: pictures and hashes are not looked into. */
const control = /[^\P{Cc}\s]/u

/** True when the text holds something in one of the forms, as it stands or in base64. */
export function holdsSecret(text: string): boolean {
  return holdsPlain(text) || (text.match(base64Run)?.some(hidesSecret) ?? false)
}

function hidesSecret(run: string): boolean {
  const text = Buffer.from(run, 'base64').toString()
  return !control.test(text) && holdsPlain(text)
}

function holdsPlain(text: string): boolean {
  keyBegin.lastIndex = 0
  if (keyBegin.test(text)) return true
  return formats.some(([, pattern]) => {
    pattern.lastIndex = 0
    return pattern.test(text)
  })
}

/** The text with the name of its form in the place of each, and without base64 that has one in it. */
export function withoutSecretForms(text: string): string {
  const clean = formats.reduce(
    (rest, [name, pattern]) => rest.replace(pattern, `[${name} removed]`),
    withoutKeys(text),
  )
  return clean.replace(base64Run, (run) =>
    hidesSecret(run) ? '[base64 with a secret removed]' : run,
  )
}

/** A private key ends with its last line, or where the text does. */
function withoutKeys(text: string): string {
  let clean = ''
  let from = 0
  for (;;) {
    keyBegin.lastIndex = from
    const begin = keyBegin.exec(text)
    if (!begin) return clean + text.slice(from)
    clean += `${text.slice(from, begin.index)}[private key removed]`
    keyEnd.lastIndex = begin.index
    const end = keyEnd.exec(text)
    if (!end) return clean
    from = end.index + end[0].length
  }
}
