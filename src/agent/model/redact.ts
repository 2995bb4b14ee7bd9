/**
 * Texts of providers without secrets. Providers like to quote the key that they refuse, and URLs
 * carry keys; both would be kept for ever. This catches the usual forms, it does not understand them.
 */
import { shortened } from '../../base/shortened.ts'

const forms: readonly (readonly [RegExp, string])[] = [
  [/\b(?:sk|pk|rk|gsk|xai|key|ghp|glpat|hf)[-_][\w*.-]{6,}/g, '[secret]'],
  [/\bAIza[\w-]{10,}/g, '[secret]'],
  [/\b(bearer|basic)\s+[\w.~+/*=-]+/gi, '$1 [secret]'],
  [/(key provided:?\s*)[^\s"',}]+/gi, '$1[secret]'],
  [
    /((?:api[-_ ]?key|x-api-key|access[-_]?token|auth[-_]?token|secret|password|authorization)["']?\s*[:=]\s*["']?)(?!\[secret\]|bearer|basic)[^\s"',}&]+/gi,
    '$1[secret]',
  ],
  [/([?&](?:key|token|api_key|apikey|sig|signature)=)[^&\s"']+/gi, '$1[secret]'],
  [/(\/\/)[^/\s:@]+:[^/\s@]+@/g, '$1[secret]@'],
]

/** A short, well-formed excerpt in one line, without what looks like a secret. */
export function excerpt(text: string, units: number): string {
  // Cut before and after: patterns over megabytes take their time.
  const line = text
    .slice(0, 4 * units)
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  const clean = forms.reduce((rest, [form, instead]) => rest.replace(form, instead), line)
  return shortened(clean, units)
}
