/**
 * Where a call would send something: addresses as people and attackers write them, told in one form,
 * and lists of those that are allowed.
 *
 * - D1 What cannot be read is no destination that anything allows.
 * - D2 Two spellings of one host are one host: case, trailing dots, punycode, percent-escapes, IPv4 in
 *   decimal, octal and hex, IPv4 inside IPv6, ports and user names do not matter, or matter alike.
 * - D3 A rule with `*` allows names only, never an address of the machine or of a private network.
 */

/** A destination in its one form. */
export interface Destination {
  /** "https", "mailto" …; "" when only a host was given. */
  readonly scheme: string
  /** Host, without dots at its end and without brackets. */
  readonly host: string
  readonly port: string
  /** The part before "@", of an e-mail address only. */
  readonly user: string
}

/** Schemes that name a host in the usual place. */
const hosted: ReadonlySet<string> = new Set(['http', 'https', 'ws', 'wss', 'ftp'])

/** The destination that this text means; undefined when it cannot be told (D1). */
export function destinationOf(text: unknown): Destination | undefined {
  if (typeof text !== 'string' || text.length > 8192) return undefined
  const given = text.trim()
  // What a URL parser drops or bends, a client may read otherwise.
  if (given === '' || /[\s\\\p{Cc}\p{Cf}]/u.test(given)) return undefined
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(given)?.[1]?.toLowerCase()
  if (scheme === 'mailto') return addressOf(given.slice('mailto:'.length).split('?')[0] ?? '')
  if (scheme !== undefined && given.slice(scheme.length + 1).startsWith('//')) {
    return hosted.has(scheme) ? hostOf(given, scheme) : undefined
  }
  if (given.startsWith('//')) return hostOf(`https:${given}`, '')
  if (scheme !== undefined && !/^[^/]*:\d{1,5}(?:\/|$)/.test(given)) return undefined
  if (given.includes('@')) return addressOf(given)
  return hostOf(`https://${given}`, '')
}

function hostOf(url: string, scheme: string): Destination | undefined {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    return undefined
  }
  // A user name in front of a host is how one host is made to look like another.
  if (parsed.username !== '' || parsed.password !== '') return undefined
  const host = canonicalHost(parsed.hostname)
  return host === undefined ? undefined : { scheme, host, port: parsed.port, user: '' }
}

function addressOf(text: string): Destination | undefined {
  const match = /^([^@,;<>"()[\]:%\s]{1,64})@([^@,;<>"()\s/]{1,255})$/.exec(text)
  if (!match) return undefined
  const [, user = '', domain = ''] = match
  const at = hostOf(`https://${domain}`, 'mailto')
  return at && at.port === '' ? { ...at, user: user.toLowerCase() } : undefined
}

function canonicalHost(hostname: string): string | undefined {
  const host = hostname.toLowerCase().replace(/\.+$/, '')
  if (host === '' || host.includes('..') || host.includes('%')) return undefined
  if (!host.startsWith('[')) return host
  const inner = host.slice(1, -1)
  // IPv4 in IPv6: the parser has brought it into the form of two groups.
  const mapped = /^::(?:ffff:(?:0:)?)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(inner)
  const nat = /^64:ff9b::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(inner)
  const [, high, low] = mapped ?? nat ?? []
  if (high === undefined || low === undefined) return inner
  const bits = parseInt(high, 16) * 65_536 + parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.')
}

/** True for addresses in numbers, and names that mean this machine. */
function isAddress(host: string): boolean {
  return (
    /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) ||
    host.includes(':') ||
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host.endsWith('.internal') ||
    host.endsWith('.local')
  )
}

/** A rule of an allow-list, read once. */
export interface DestinationRule {
  /** Only this scheme; "" for the web, encrypted or not. */
  readonly scheme: string
  /** A host, or with `under` the domain whose subdomains are meant. */
  readonly host: string
  readonly under: boolean
  /** "" for the scheme's own. */
  readonly port: string
  /** Of an e-mail address; "*" for anybody there; "" when no e-mail address is meant. */
  readonly user: string
}

/**
 * Reads a rule: `"api.example.com"`, `"*.example.com"` (what stands below it), `"https://host:8443"`,
 * `"sales@example.com"`, `"@example.com"` (anybody there). Undefined when it is none, or says more: a path.
 */
export function destinationRule(text: string): DestinationRule | undefined {
  // Hosts are compared: a rule that says more would allow more than it says.
  if (/[?#]/.test(text) || /[^/:]\/./.test(text)) return undefined
  const isDomain = text.startsWith('@')
  const under = /^(?:[a-z]+:\/\/)?\*\./i.test(text)
  const plain = isDomain ? `any${text}` : text.replace(/^((?:[a-z]+:\/\/)?)\*\./i, '$1')
  const destination = plain.includes('*') ? undefined : destinationOf(plain)
  if (!destination || (under && (isAddress(destination.host) || !destination.host.includes('.'))))
    return undefined
  const { scheme, host, port, user } = destination
  return { scheme, host, under, port, user: isDomain ? '*' : user }
}

/** True when one of the rules allows it. */
export const isAllowed = (destination: Destination, rules: readonly DestinationRule[]): boolean =>
  rules.some((rule) => allows(rule, destination))

function allows(rule: DestinationRule, { scheme, host, port, user }: Destination): boolean {
  if ((rule.user === '') !== (user === '')) return false
  if (user !== '' && rule.user !== '*' && rule.user !== user) return false
  if (
    rule.scheme === '' ? !['', 'http', 'https', 'mailto'].includes(scheme) : rule.scheme !== scheme
  )
    return false
  if (rule.port !== port) return false
  return rule.under ? host.endsWith(`.${rule.host}`) && !isAddress(host) : host === rule.host
}

/** How a text begins that is a URL to some client. One letter is a drive, not a scheme. */
const url = /^[^\x21-\uffff]*(?:(?:https?|wss?|ftp):|[a-z][a-z0-9+.-]{1,30}:[\\/])/i

/** Where a client goes that takes the whole text for a URL: they drop some characters and bend others. */
function whole(text: string): string[] {
  try {
    return [new URL('/', new URL(text)).href]
  } catch {
    // With blanks in it, it is a sentence to every client; what it names is found below.
    return /\s/.test(text.trim()) ? [] : [text]
  }
}

const aroundUnitsMax = 320
const nearAt = new RegExp(
  `[^\\s<>,;()]{1,${aroundUnitsMax}}@[^\\s<>,;()]{1,${aroundUnitsMax}}`,
  'y',
)
const separator = /[\s<>,;()]/

/** What stands around each "@". It is looked for first: a text without one costs nothing. */
function* aroundAt(text: string): Generator<string> {
  let from = 0
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', from)) {
    let start = at
    const startMin = Math.max(from, at - aroundUnitsMax)
    while (start > startMin && !separator.test(text.charAt(start - 1))) start--
    nearAt.lastIndex = start
    const found = nearAt.exec(text)?.[0]
    if (found !== undefined) yield found
    from = found === undefined ? at + 1 : start + found.length
  }
}

/** The text without such characters at its end. */
function withoutEnd(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

/** What in a text looks like a URL or an e-mail address, as far as it can be told. */
export function destinationsIn(text: string): string[] {
  const found = url.test(text.replace(/[\t\n\r]/g, '')) ? whole(text) : []
  for (const { 0: one } of text.matchAll(
    /(?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]{0,30}:\/\/|(?:https?|wss?|ftp):[\\/]+)[^\s"'<>}]{1,8192}/gi,
  ))
    found.push(withoutEnd(one, '.,;:!?)]`|'))
  // Whatever stands around an "@": what cannot be read as an address is allowed by nothing (D1).
  for (const one of aroundAt(text)) {
    const address = withoutEnd(one, '.:!?"\'`]}')
    const [, inQuotes = address] = /["'`:=[]([\w.+%-]+@[^"'`]+)$/.exec(address) ?? []
    found.push(inQuotes)
  }
  for (const { 0: one } of text.matchAll(/(?<![:/\w])\/\/[\w-][^\s"'<>`{}|]{1,8192}/g))
    found.push(one)
  return [...new Set(found)]
}
